# Short names for dev.py, for those who have make.
serve test wheel bench bench-quick:
	python3 dev.py $@

.PHONY: serve test wheel bench bench-quick
