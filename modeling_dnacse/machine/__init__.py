"""What a program needs of the machine that it runs on: whole outputs, locks, cores, processes, provenance."""
