# make quick   the tests but the slow ones: under 3 minutes on 2 cores
# make test    all tests: under 12 minutes   make demo    simulate, train, embed, compare: under 5 minutes
# make rehearse    the stages of device/ for a GPU, at toy size on this CPU: 6 minutes
# make check   ruff and pyright          make tables  fill in the tables and pictures from benchmarks/results
# make reproduce-mini DATA=coi.tsv.gz   the shipped model, from labelled barcodes to its table: some 20 minutes
# make sync    copy the model's code into the shipped checkpoints, after a change of it
# make coverage    all tests, and the share of lines that they reach, for benchmarks/results/faults
# make clean   remove what the other targets made
# Each creates the virtual environment it needs; VENV and PYTHON choose another place or interpreter.
PYTHON ?= python3
VENV ?= .venv
BIN ?= $(VENV)/bin
READY := $(if $(VENV),$(VENV)/.ready)
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

.PHONY: quick test coverage rehearse demo check tables reproduce-mini sync clean
quick: $(READY)
	$(PYTEST) -m 'not slow'

test: $(READY)
	$(PYTEST)

coverage: $(READY)
	$(PYTEST) --cov --cov-report json:build/coverage.json
	$(BIN)/python tests/attack/lines_reached.py build/coverage.json --output benchmarks/results/faults/coverage.json

rehearse: $(READY)
	DNACSE_REHEARSE=here $(BIN)/python -m pytest tests/device/test_rehearsal.py

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

demo: $(READY)
	PATH="$(abspath $(BIN)):$$PATH" bash demo.sh

tables: $(READY)
	$(BIN)/python benchmarks/tables.py --write
	$(BIN)/python benchmarks/plots.py all

DATA ?= $(error say where the labelled barcodes are: make reproduce-mini DATA=coi.tsv.gz)
reproduce-mini: $(READY)
	PATH="$(abspath $(BIN)):$$PATH" bash trainer/recipes/barcode_mini.sh $(DATA) runs/dnacse-barcode-mini
	$(BIN)/python benchmarks/run.py --model runs/dnacse-barcode-mini canonical7 --output runs/results --resume \
		--task knn species_clustering few_shot open_set strand length mutation --data $(DATA) \
		--set strand.queries=500 length.queries=500 mutation.queries=500 --cache runs/cache
	$(BIN)/python benchmarks/tables.py --results runs/results

HUB_FILES := $(filter-out %/__init__.py %/cli.py,$(wildcard modeling_dnacse/*.py))
sync:
	for model in checkpoints/*/; do rm -f $$model*.py && cp $(HUB_FILES) $$model; done

$(VENV)/.ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dnacse needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) demo build *.egg-info
