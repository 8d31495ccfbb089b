# Everything CI does can be done here with the same commands.
.POSIX:
.PHONY: run test check bench fuzz deps deps-run build drill-codespaces svn-conformance

run: deps-run ## A site with three practice vaults on http://127.0.0.1:8080, data in ./outlast-data
	cargo run --release --locked --bin outlast -- serve $(ARGS)

test: deps ## Every test, on SQLite and PostgreSQL, with real clients and a real browser
	scripts/test-browser.sh
	scripts/with-postgres.sh scripts/with-radosgw.sh scripts/test-venv.sh scripts/cargo-test.sh

check: deps ## Formatting, lints, dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	scripts/deny.sh

bench: ## The figures of docs/bench.md, against git http-backend behind nginx; results in bench/out/
	scripts/deps.sh build run bench
	cargo build --release --locked --bin outlast
	cargo build --release --locked -p forge --example replay_speed
	python3 bench/bench.py

fuzz: deps ## Each fuzz target for a short while
	scripts/fuzz.sh

svn-conformance: ## Subversion's own command-line tests, through Outlast and plain mod_dav_svn; takes an hour
	scripts/deps.sh build run conformance
	cargo build --release --locked -p outlast --example svn_front --features svn-unconfined
	python3 tests/svn-conformance/run.py

drill-codespaces: deps ## The fall of Code Spaces, re-enacted step by step
	cargo test --locked -p forge --test generic orders -- sqlite
	cargo test --locked -p outlast --test e2e codespaces -- --nocapture

build: deps
	cargo build --release --locked --bin outlast

deps: ## What a fresh Debian 12 lacks beyond Rust
	scripts/deps.sh build run test

deps-run:
	scripts/deps.sh build run
