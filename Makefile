# The project's commands. `make help` lists them.
SHELL := /bin/bash
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export SAM_CLI_TELEMETRY ?= 0

# The function's bytes do not depend on the folder or the machine.
REPEATABLE := RUSTFLAGS="$$(deploy/rustflags.sh)"
FUNCTION := $(REPEATABLE) cargo build --locked --profile function --bin bootstrap
# The command without scan, audit and status: a build without the AWS SDK.
CHECK_ALONE := --package cfn-egress-guard --no-default-features

# Nonempty if `make bench` measures one of these rows. ROWS selects rows; the default is all.
comma := ,
MEASURES = $(if $(ROWS),$(filter $(1),$(subst $(comma), ,$(ROWS))),all)

# The variables on make's command line, in which a misspelled name is an error.
GIVEN = $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))

.PHONY: run test test-lints test-parts bench mutants fuzz faults soak coverage schema build package deploy switch policy policy-back scp release image deny docs lint-template help clean

run: ## build the programs and rehearse two deployments on this machine
	@# One command, so that the dependencies of both programs are built once.
	cargo build --locked --package cfn-egress-guard-core --package cfn-egress-guard --no-default-features \
	  --features cfn-egress-guard-core/lambda
	@target/debug/cfn-egress-guard rehearse examples/compliant.yaml
	@echo
	@target/debug/cfn-egress-guard rehearse examples/non-compliant.yaml; test $$? -eq 1
	@echo
	@echo "Next: rehearse a template of your own (target/debug/cfn-egress-guard rehearse TEMPLATE),"
	@echo "or put the hook in front of an account, first warning only: FAILURE_MODE=WARN make deploy"

test: ## run all tests, lints, and checks of generated files
	cargo fmt --check
	@# Side by side, because the last steps of the function's build use one processor, and setup waits for downloads.
	@$(MAKE) --no-print-directory --jobs 2 test-lints test-parts
	@# In two steps, so that the tests build the command and the AWS SDK with the features of the release. The wheel
	@# below then needs no second build of them.
	cargo test --locked --package cfn-egress-guard-core --package cfn-egress-guard-fuzz
	cargo test --locked --package cfn-egress-guard --package cfn-egress-guard-account
	@# First the file that builds the command again, for the wheel: the others run that program.
	.parts/venv/bin/python -m pytest tests/parts/test_release.py
	.parts/venv/bin/python -m pytest tests/parts --ignore tests/parts/test_release.py \
	  --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-lints:
	@# Each combination that is built separately is linted separately, so that the features of one member do not hide
	@# what another one lacks. This order, instead of one workspace, checks the AWS SDK only once. The tests build
	@# everything again: lints produce no machine code, and Cargo unifies features per selection.
	cargo clippy --locked --quiet --lib --no-default-features -- -D warnings
	cargo clippy --locked --quiet --all-targets -- -D warnings
	cargo clippy --locked --quiet $(CHECK_ALONE) -- -D warnings
	cargo clippy --locked --quiet --package cfn-egress-guard -- -D warnings
	cargo clippy --locked --quiet --package cfn-egress-guard-account -- -D warnings
	cargo clippy --locked --quiet --package cfn-egress-guard --package cfn-egress-guard-account --all-targets -- -D warnings
	@# Checking the fuzz targets does not require libFuzzer, which is C++.
	CUSTOM_LIBFUZZER_PATH=./libfuzzer.a cargo clippy --locked --quiet --package cfn-egress-guard-benches \
	  --package cfn-egress-guard-fuzz --features cfn-egress-guard-fuzz/libfuzzer --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps --package cfn-egress-guard --package cfn-egress-guard-account

test-parts: $(VENV)/.lint
	tests/parts/setup
	@$(MAKE) --no-print-directory deny
	@# Without MAKEFLAGS, because cargo cannot use the jobserver of this make.
	MAKEFLAGS= $(FUNCTION)
	@deploy/lint.sh

bench: $(if $(call MEASURES,install),$(VENV)/.release) ## compare all measurements with their floors and peers, in about 20 minutes; ROWS=keys,memory selects rows
	@# Builds only the programs that the selected rows need.
	$(if $(call MEASURES,function check pre-commit install),benches/peers/setup)
	$(if $(call MEASURES,function memory download cold exemptions install),$(FUNCTION))
	$(if $(call MEASURES,function),$(REPEATABLE) cargo build --locked --profile function --package cfn-egress-guard-benches --bin bare)
	$(if $(call MEASURES,check),cargo build --locked --release --package cfn-egress-guard-benches --bin parse)
	$(if $(call MEASURES,check pre-commit scan),cargo build --locked --release --package cfn-egress-guard)
	$(if $(call MEASURES,install),python3 packaging/wheel.py target/function/bootstrap --release --compatibility linux --out target/bench/wheels)
	ROWS="$(ROWS)" cargo bench --locked --package cfn-egress-guard-benches --bench bench

mutants: ## run mutation tests of the core, and fail if a mutant survives: [PART=k/n] [FOLDERS="rule hook"] make mutants
	@python3 tests/mutants/mutants.py $(if $(PART),--part $(PART)) $(FOLDERS)

fuzz: ## run the fuzz targets: [SECONDS_EACH=180] [TARGETS="source json"] make fuzz
	@fuzz/run $(or $(SECONDS_EACH),180) $(TARGETS)

faults: ## inject faults into the function, and print the outcome of each
	tests/parts/setup
	$(FUNCTION)
	@.parts/venv/bin/python tests/parts/fault_matrix.py

soak: ## compare memory and time of the first and the last of a million invocations: [TIMES=1000000] make soak
	tests/parts/setup
	$(FUNCTION)
	@.parts/venv/bin/python tests/parts/soak.py --times $(or $(TIMES),1000000)

coverage: ## print the test coverage of the core and the programs, by line and branch
	@tests/coverage
	@tests/coverage core

schema: ## regenerate schema/ from the Rust types
	@cargo build --locked --quiet --package cfn-egress-guard
	@for file in schema/*.schema.json; do \
	  name=$$(basename $$file .schema.json); \
	  target/debug/cfn-egress-guard schema $$name > $$file.new && mv $$file.new $$file; done

build: $(VENV)/.build ## build the function for ARCH=x86_64 or arm64 (default: one that this machine can build)
	@deploy/build.sh $(ARCH)

package: build ## create dist/cfn-egress-guard-<version>-<arch>.zip, which deploys without a toolchain
	@python3 deploy/package.py $(ARCH)

deploy: ## build and deploy with your AWS credentials; for the settings, see deploy/deploy.sh
	@GIVEN="$(GIVEN)" deploy/deploy.sh

# Passes the settings from the command line and the environment.
switch: ## change settings of the deployed guard without a build: FAILURE_MODE=WARN [REGIONS=…] make switch
	@python3 deploy/settings.py names
	@settings=(); \
	for name in $$(printf '%s\n' $(filter-out REGIONS STACK_NAME VENV,$(GIVEN)) \
	    $$(deploy/switch.sh --settings | awk 'NF == 2 {print $$1}') | sort -u); do \
	  [ -z "$${!name+given}" ] || settings+=("$$name=$${!name}"); done; \
	deploy/switch.sh $(if $(REGIONS),--regions "$(REGIONS)") "$${settings[@]}"

policy: ## replace the policy of the deployed guard without a build: POLICY=policy.toml [FAST=yes] [REGIONS=…] make policy
	@deploy/policy.sh $(if $(FAST),--fast) $(if $(REGIONS),--regions "$(REGIONS)") set "$(or $(POLICY),policy.toml)"

policy-back: ## restore the previous version of the policy: [FAST=yes] [REGIONS=…] make policy-back
	@deploy/policy.sh $(if $(FAST),--fast) $(if $(REGIONS),--regions "$(REGIONS)") back

scp: ## write an organization's service control policies to dist/; for the names, see deploy/scp.py
	@python3 deploy/scp.py

release: package $(VENV)/.release ## build a release in dist/: packages, programs, wheel, npm packages, SBOM, checksums
	@python3 packaging/release.py
	@# The crates can be published too. This builds them from their packages.
	cargo publish --quiet --dry-run --workspace --locked

image: ## build a container image of the static command (check, policy) in dist/; requires the Rust target x86_64-unknown-linux-musl
	cargo build --locked --release --target x86_64-unknown-linux-musl $(CHECK_ALONE)
	@mkdir -p dist
	@version=$$(sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1); \
	python3 packaging/image.py target/x86_64-unknown-linux-musl/release/cfn-egress-guard dist/cfn-egress-guard-$$version-x86_64-image.tar
	@python3 packaging/release.py sums

docs: .parts/bin/mdbook ## build the documentation site in target/book
	@python3 docs/build.py

.parts/bin/mdbook:
	nice -n 19 cargo install --quiet --locked --version 0.5.4 --root .parts --target-dir target/mdbook --no-default-features --features search mdbook

deny: $(VENV)/.lint ## check the dependencies: bans, licenses, sources, and, if they can be fetched, advisories
	@cargo deny --workspace --locked --log-level error check --hide-inclusion-graph bans licenses sources
	@if cargo deny --log-level off fetch db > /dev/null 2>&1; then cargo deny --workspace --locked check advisories; \
	else echo "advisories: not checked, their database cannot be fetched from here"; fi

lint-template: $(VENV)/.lint ## lint template.yaml and its helper scripts
	@deploy/lint.sh

help: ## show this help
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

clean: ## remove build outputs; keeps the tools in .venv
	rm -rf target dist .aws-sam

$(VENV)/.build: deploy/requirements.txt
$(VENV)/.lint: tests/parts/lint-requirements.txt deploy/requirements.txt packaging/requirements.txt
$(VENV)/.release: packaging/requirements.txt
$(VENV)/.%:
	@deploy/venv.sh $(VENV) $<
	@touch $@
