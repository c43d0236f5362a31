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

# Whether `make bench` measures one of these rows: all, unless ROWS names some.
comma := ,
MEASURES = $(if $(ROWS),$(filter $(1),$(subst $(comma), ,$(ROWS))),all)

# What make's own command line names, where nothing may be misspelled.
GIVEN = $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))

.PHONY: run test bench mutants fuzz faults soak coverage schema build package deploy switch policy policy-back scp release image deny docs lint-template help clean

run: ## build the programs and rehearse two deployments on this machine
	@# In one go, so that what both programs need is built once.
	cargo build --locked --package cfn-egress-guard-core --package cfn-egress-guard --no-default-features \
	  --features cfn-egress-guard-core/lambda
	@target/debug/cfn-egress-guard rehearse examples/compliant.yaml
	@echo
	@target/debug/cfn-egress-guard rehearse examples/non-compliant.yaml; test $$? -eq 1
	@echo
	@echo "Next: rehearse a template of your own (target/debug/cfn-egress-guard rehearse TEMPLATE),"
	@echo "or put the hook in front of an account, first warning only: FAILURE_MODE=WARN make deploy"

test: $(VENV)/.lint ## run every test, lint and check of generated files
	cargo fmt --check
	@$(MAKE) --no-print-directory deny
	@# Each combination that is built on its own is linted on its own, so that no feature of one member hides what
	@# another lacks; in this order, and not as one workspace, the AWS SDK is checked once. What is checked here is
	@# built again for the tests below: a lint reads no machine code, and Cargo unifies features per selection.
	cargo clippy --locked --quiet --lib --no-default-features -- -D warnings
	cargo clippy --locked --quiet --all-targets -- -D warnings
	cargo clippy --locked --quiet $(CHECK_ALONE) -- -D warnings
	cargo clippy --locked --quiet --package cfn-egress-guard -- -D warnings
	cargo clippy --locked --quiet --package cfn-egress-guard-account -- -D warnings
	cargo clippy --locked --quiet --package cfn-egress-guard --package cfn-egress-guard-account --all-targets -- -D warnings
	@# libFuzzer, which is C++, is not needed to check the fuzz targets.
	CUSTOM_LIBFUZZER_PATH=./libfuzzer.a cargo clippy --locked --quiet --package cfn-egress-guard-benches \
	  --package cfn-egress-guard-fuzz --features cfn-egress-guard-fuzz/libfuzzer --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps --package cfn-egress-guard --package cfn-egress-guard-account
	cargo test --locked --workspace --exclude cfn-egress-guard-benches
	@deploy/lint.sh
	tests/parts/setup
	$(FUNCTION)
	.parts/venv/bin/python -m pytest tests/parts

bench: $(if $(call MEASURES,install),$(VENV)/.release) ## measure everything beside its floor and its peers, in some fifteen minutes; ROWS=keys,memory: only these
	@# What the rows that are measured compare with, and no more.
	$(if $(call MEASURES,function check pre-commit install),benches/peers/setup)
	$(if $(call MEASURES,function memory download cold exemptions install),$(FUNCTION))
	$(if $(call MEASURES,function),$(REPEATABLE) cargo build --locked --profile function --package cfn-egress-guard-benches --bin bare)
	$(if $(call MEASURES,check),cargo build --locked --release --package cfn-egress-guard-benches --bin parse)
	$(if $(call MEASURES,check pre-commit scan),cargo build --locked --release --package cfn-egress-guard)
	$(if $(call MEASURES,install),python3 packaging/wheel.py target/function/bootstrap --release --compatibility linux --out target/bench/wheels)
	ROWS="$(ROWS)" cargo bench --locked --package cfn-egress-guard-benches --bench bench

mutants: ## change the core in small ways, and fail where no test notices: [PART=k/n] [FOLDERS="rule hook"] make mutants
	@python3 tests/mutants/mutants.py $(if $(PART),--part $(PART)) $(FOLDERS)

fuzz: ## search for inputs that break what has to be so: [SECONDS_EACH=180] [TARGETS="source json"] make fuzz
	@fuzz/run $(or $(SECONDS_EACH),180) $(TARGETS)

faults: ## play faults on the function, and print what became of each
	tests/parts/setup
	$(FUNCTION)
	@.parts/venv/bin/python tests/parts/fault_matrix.py

soak: ## a million invocations in a row: memory and time of the last beside the first: [TIMES=1000000] make soak
	$(FUNCTION)
	@python3 tests/parts/soak.py --times $(or $(TIMES),1000000)

coverage: ## print which lines and branches of the core and the programs the tests reach
	@tests/coverage

schema: ## write schema/ anew from the Rust types
	@cargo build --locked --quiet --package cfn-egress-guard
	@for file in schema/*.schema.json; do \
	  name=$$(basename $$file .schema.json); \
	  target/debug/cfn-egress-guard schema $$name > $$file.new && mv $$file.new $$file; done

build: $(VENV)/.build ## build the function, for ARCH=x86_64 or arm64 or whatever this machine can
	@deploy/build.sh $(ARCH)

package: build ## make dist/cfn-egress-guard-<version>-<arch>.zip, which deploys without a toolchain
	@python3 deploy/package.py $(ARCH)

deploy: ## build and deploy with your AWS credentials; settings: see deploy/deploy.sh
	@GIVEN="$(GIVEN)" deploy/deploy.sh

# The settings that are named on the command line, and those in the environment.
switch: ## change settings of the deployed guard, without a build: FAILURE_MODE=WARN [REGIONS=…] make switch
	@python3 deploy/settings.py names
	@settings=(); \
	for name in $$(printf '%s\n' $(filter-out REGIONS STACK_NAME VENV,$(GIVEN)) \
	    $$(deploy/switch.sh --settings | awk 'NF == 2 {print $$1}') | sort -u); do \
	  [ -z "$${!name+given}" ] || settings+=("$$name=$${!name}"); done; \
	deploy/switch.sh $(if $(REGIONS),--regions "$(REGIONS)") "$${settings[@]}"

policy: ## give the deployed guard another policy, without a build: POLICY=policy.toml [FAST=yes] [REGIONS=…] make policy
	@deploy/policy.sh $(if $(FAST),--fast) $(if $(REGIONS),--regions "$(REGIONS)") set "$(or $(POLICY),policy.toml)"

policy-back: ## give it the version before back: [FAST=yes] [REGIONS=…] make policy-back
	@deploy/policy.sh $(if $(FAST),--fast) $(if $(REGIONS),--regions "$(REGIONS)") back

scp: ## write an organization's service control policies into dist/; names: see deploy/scp.py
	@python3 deploy/scp.py

release: package $(VENV)/.release ## make everything of a release in dist/: packages, programs, wheel, npm packages, SBOM, sums
	@python3 packaging/release.py
	@# Crates may be published too: what is packed of them is complete for cargo.
	cargo publish --quiet --dry-run --workspace --locked --no-verify

image: ## make a container image of the static command (check, policy) in dist/; needs the Rust target x86_64-unknown-linux-musl
	cargo build --locked --release --target x86_64-unknown-linux-musl $(CHECK_ALONE)
	@mkdir -p dist
	@version=$$(sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1); \
	python3 packaging/image.py target/x86_64-unknown-linux-musl/release/cfn-egress-guard dist/cfn-egress-guard-$$version-x86_64-image.tar

docs: .parts/bin/mdbook ## build the site of the documentation into target/book
	@python3 docs/build.py

.parts/bin/mdbook:
	nice -n 19 cargo install --quiet --locked --version 0.5.4 --root .parts --target-dir target/mdbook --no-default-features --features search mdbook

deny: $(VENV)/.lint ## check what the dependencies are: bans, licenses, sources, and advisories where they can be fetched
	@cargo deny --workspace --locked --log-level error check --hide-inclusion-graph bans licenses sources
	@if cargo deny --log-level off fetch db > /dev/null 2>&1; then cargo deny --workspace --locked check advisories; \
	else echo "advisories: not checked, their database cannot be fetched from here"; fi

lint-template: $(VENV)/.lint ## check template.yaml and the helpers around it
	@deploy/lint.sh

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

clean: ## remove what was built; leaves the tools in .venv
	rm -rf target dist .aws-sam

$(VENV)/.build: deploy/requirements.txt
$(VENV)/.lint: tests/parts/lint-requirements.txt deploy/requirements.txt packaging/requirements.txt
$(VENV)/.release: packaging/requirements.txt
$(VENV)/.%:
	@test -d $(VENV) || python3 -m venv $(VENV)
	@pip install --quiet --disable-pip-version-check -r $<
	@touch $@
