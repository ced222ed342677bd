# `make` lists the verbs. Each installs the tools it lacks (scripts/setup) and brings its own PATH (scripts/env).
SHELL := bash
.DEFAULT_GOAL := help
# The steps share two build folders and, on small machines, two cores: one after the other.
.NOTPARALLEL:
.PHONY: help run build dev test lint unit wasm deploy readme e2e bench attack simulate fmt advisories clean

E := set -euo pipefail; . scripts/env;
# Never --workspace: it would turn on the page's `ssr` and `hydrate` at once, a build that never ships.
NATIVE := -p kez-core -p kez-conversation -p kez-http -p kez-store -p kez-cli -p kez-sig-server -p kez-chat-server -p kez-app --features kez-app/ssr
WASM := --target wasm32-unknown-unknown

help: ## list the verbs
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r verb what; do printf '  make %-12s %s\n' "$$verb" "$$what"; done

run: build ## build, then serve http://localhost:6969 with the database ./kez-chat.db
	@$(E) exec env KEZ_CHAT_DB=kez-chat.db KEZ_CHAT_SERVER=localhost:6969 KEZ_CHAT_PUBLIC_URL=http://localhost:6969 KEZ_CHAT_WEB_DIR="$$KEZ_SITE" "$$KEZ_CHAT_SERVER_BIN"

build: ## build for release: the programs into target/release/, the site into target/site/
	@scripts/setup build
	@$(E) rm -rf "$$KEZ_SITE/pkg"; unset RUSTFLAGS; RUSTC_BOOTSTRAP=1 CARGO_BUILD_RUSTFLAGS="$$KEZ_RELEASE_FLAGS" \
		CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$$KEZ_PAGE_FLAGS" \
		cargo leptos build --release --cargo-locked --split --frontend-only
	@$(E) RUSTFLAGS="$$KEZ_RELEASE_FLAGS" cargo leptos build --release --cargo-locked --server-only
	@$(E) node broker/build.mjs "$$KEZ_SITE/pkg" && node broker/finish.mjs "$$KEZ_SITE" "$$KEZ_VERSION"
	@$(E) RUSTFLAGS="$$KEZ_RELEASE_FLAGS" cargo build --release --locked -p kez-cli -p kez-sig-server

dev: ## serve http://localhost:6969 and rebuild at every change
	@scripts/setup build
	@echo "cargo leptos watch: builds for development, serves http://localhost:6969 with ./kez-chat.db, rebuilds and reloads the page when a file changes; Ctrl-C ends it."
	@echo "To run it yourself: . scripts/env && cargo leptos watch; broker/broker.js is not watched, start again after a change there."
	@# The broker's client last: cargo-leptos begins with an empty folder.
	@$(E) rm -rf "$$KEZ_SITE/pkg"; \
		(until [ -f "$$KEZ_SITE/pkg/kez-chat.js" ]; do sleep 1; done; node broker/build.mjs "$$KEZ_SITE/pkg") & \
		exec env KEZ_CHAT_DB=kez-chat.db KEZ_CHAT_SERVER=localhost:6969 KEZ_CHAT_PUBLIC_URL=http://localhost:6969 KEZ_CHAT_WEB_DIR="$$KEZ_SITE" cargo leptos watch --split

test: ## everything that must pass before a change lands, and how long each step takes
	@MAKE="$(MAKE)" scripts/stages lint unit wasm build readme deploy e2e

lint: ## formatting, clippy, licences and dependencies, the house rules
	@scripts/lint $(NATIVE)

unit: ## unit tests, protocol vectors and whole-system tests
	@scripts/setup cargo-nextest nats-server nats-refused
	@$(E) cargo nextest run $(NATIVE)

wasm: ## the protocol's tests compiled to WebAssembly, in node
	@scripts/setup wasm-std wasm-bindgen
	@$(E) cargo test -p kez-core --test wasm $(WASM)

readme: build ## the documents' examples and settings, against the release build
	@scripts/setup nats-server
	@$(E) scripts/check-readme

deploy: build ## every shipped configuration, read by the program that it is for
	@scripts/setup deploy
	@$(E) scripts/check-deploy

e2e: build ## the pages in a real browser, against the release build
	@scripts/setup end2end chromium nats-server caddy
	@$(E) cd end2end && npx --no-install tsc && npx --no-install playwright test

bench: build ## benchmarks: ours and the limit in turn, as ratios
	@scripts/setup nats-server
	@$(E) RUSTFLAGS="$$KEZ_RELEASE_FLAGS" cargo build --release --locked -p kez-chat-server --example bare_axum
	@$(E) RUSTFLAGS="$$KEZ_RELEASE_FLAGS" cargo bench -p kez-core --features kez-core/tables
	@scripts/setup wasm-std wasm-bindgen
	@$(E) RUSTFLAGS="$$KEZ_RELEASE_FLAGS" cargo test --release -p kez-core --bench sigchain_wasm $(WASM) -- --nocapture
	@$(E) RUSTFLAGS="$$KEZ_RELEASE_FLAGS" KEZ_BARE_AXUM_BIN="$$KEZ_TARGET/release/examples/bare_axum" cargo bench -p kez-chat-server --bench figures

attack: build ## long attacks, and what somebody else notices of each
	@scripts/setup nats-server
	@$(E) RUSTFLAGS="$$KEZ_RELEASE_FLAGS" cargo bench -p kez-chat-server --bench attack

simulate: ## 20,000 random histories of conversations; one that fails is named and can be run alone
	@$(E) cargo run --release --locked -p kez-conversation --example simulate -- 20000

fmt: ## format the code
	@cargo fmt

advisories: ## check dependencies against the security advisories, fetching their database first
	@scripts/setup cargo-deny
	@$(E) cargo deny --all-features check advisories

clean: ## remove what builds left in this checkout, not the installed tools
	@cargo clean
	@rm -rf target broker/node_modules end2end/node_modules scripts/locks/*/node_modules end2end/test-results end2end/playwright-report
