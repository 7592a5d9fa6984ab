# A thin front for course.py, which does the work and runs on Windows too.
# `make PYTHON=python3.12 run` chooses the Python that the environment is made with.
PYTHON ?= python3

ARGS ?=
ONLY ?=
REPO ?=
REF ?=

.DEFAULT_GOAL := help
.PHONY: help setup run lab test test-all lint format site gallery homework bench lock badges clean

help:  ## list the commands
	@$(PYTHON) course.py help

setup run lab test test-all lint format site gallery homework bench lock clean:
	@$(PYTHON) course.py $@ $(ONLY) $(ARGS)

badges:
	@$(PYTHON) course.py badges --repo "$(REPO)" $(if $(REF),--ref "$(REF)") $(ARGS)

# A word that is none of these: course.py says which was meant.
.DEFAULT:
	@$(PYTHON) course.py $@
