# Short names for `python3 dev.py ...`, for those who have make.
SESSIONS = bench bench-quick browser build clients contract coverage docs durability endurance fuzz languages layers lint \
	lock lowest new-vendor newest node prose reference site slow stores tests types unlocked wheel wheel-beside

serve test $(SESSIONS):
	python3 dev.py $@

.PHONY: serve test $(SESSIONS)
