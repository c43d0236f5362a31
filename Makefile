# The project's commands. `make help` lists them.
SHELL := /bin/bash
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export SAM_CLI_TELEMETRY ?= 0

# The function is built for size, which is what Lambda fetches; its hot dependencies are not (Cargo.toml).
FUNCTION := CARGO_PROFILE_RELEASE_OPT_LEVEL=s cargo build --release --no-default-features --features lambda

HOST_ARCH := $(subst aarch64,arm64,$(shell uname -m))

.PHONY: run test bench schema build package deploy scp lint-template help clean

run: ## build the programs and rehearse two deployments on this machine
	$(FUNCTION) --bin bootstrap
	cargo build --release --no-default-features --features cli --bin cfn-egress-guard
	@target/release/cfn-egress-guard rehearse examples/compliant.yaml
	@echo
	@target/release/cfn-egress-guard rehearse examples/non-compliant.yaml; test $$? -eq 1
	@echo
	@echo "Next: rehearse a template of your own (target/release/cfn-egress-guard rehearse TEMPLATE),"
	@echo "or put the hook in front of an account, first warning only: FAILURE_MODE=WARN make deploy"

test: $(VENV)/.lint ## run every test, lint and check of generated files
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo check --quiet --lib --no-default-features
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps
	cargo test
	@# The fuzz targets compile; libFuzzer, which is C++, need not be there.
	CUSTOM_LIBFUZZER_PATH=./libfuzzer.a cargo check --quiet --locked --manifest-path fuzz/Cargo.toml
	@deploy/lint.sh
	tests/parts/setup
	$(FUNCTION) --bin bootstrap
	.parts/venv/bin/python -m pytest tests/parts

bench: ## measure everything beside its floor and its peers, in some seven minutes
	benches/peers/setup
	$(FUNCTION) --bin bootstrap
	cargo build --release --no-default-features --features lambda --example bare
	cargo build --release --no-default-features --features cli --example parse
	cargo bench --no-default-features --features account --bench bench

schema: ## write schema/ anew from the Rust types
	@cargo build --quiet --no-default-features --features account --bin cfn-egress-guard
	@for file in schema/*.schema.json; do \
	  name=$$(basename $$file .schema.json); \
	  target/debug/cfn-egress-guard schema $$name > $$file.new && mv $$file.new $$file; done

build: $(VENV)/.build ## build the function, for ARCH=x86_64 or arm64 or whatever this machine can
	@deploy/build.sh $(ARCH)

package: build ## make dist/cfn-egress-guard-<version>-<arch>.zip, which deploys without a toolchain
	@python3 deploy/package.py $(ARCH)

deploy: $(VENV)/.build ## deploy with your AWS credentials; settings: see deploy/deploy.sh
	@deploy/deploy.sh $(or $(ARCH),$(HOST_ARCH))

scp: ## write an organization's service control policies into dist/; names: see deploy/scp.py
	@python3 deploy/scp.py

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
