"""What a program needs of the machine that it runs on: complete files, cores, processes, provenance."""
