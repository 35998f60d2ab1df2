"""Services of the machine that a program runs on: whole outputs, locks, cores, processes, provenance."""
