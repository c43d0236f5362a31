# The project's commands. `make help` lists them.
SHELL := /bin/bash
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export SAM_CLI_TELEMETRY ?= 0

HOST_ARCH := $(subst aarch64,arm64,$(shell uname -m))

.PHONY: build package deploy lint-template help clean

build: $(VENV)/.build ## build the function, for ARCH=x86_64 or arm64 or whatever this machine can
	@deploy/build.sh $(ARCH)

package: build ## make dist/cfn-egress-guard-<version>-<arch>.zip, which deploys without a toolchain
	@python3 deploy/package.py $(ARCH)

deploy: $(VENV)/.build ## deploy with your AWS credentials; settings: see deploy/deploy.sh
	@deploy/deploy.sh $(or $(ARCH),$(HOST_ARCH))

lint-template: $(VENV)/.lint ## check template.yaml and the helpers around it
	@deploy/lint.sh

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

clean: ## remove what was built; leaves the tools in .venv
	rm -rf target dist .aws-sam

$(VENV)/.build: deploy/requirements.txt
$(VENV)/.lint: tests/parts/lint-requirements.txt deploy/requirements.txt
$(VENV)/.%:
	@test -d $(VENV) || python3 -m venv $(VENV)
	@pip install --quiet --disable-pip-version-check -r $<
	@touch $@
