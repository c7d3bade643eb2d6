# Short names for `python3 dev.py ...`, for users of make.
serve test build wheel lowest newest contract fuzz endurance bench bench-quick lock:
	python3 dev.py $@

.PHONY: serve test build wheel lowest newest contract fuzz endurance bench bench-quick lock
