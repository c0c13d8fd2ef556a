# Included by the Makefile of the project. Needs go, npm and mvn.

.PHONY: clients-stubs clients-check clients-test

clients-stubs: ## Generate the Go, TypeScript and Java code of the schema
	clients/stubs.sh

clients-check: ## Fail where the committed Go, TypeScript and Java code is not that of the schema
	clients/stubs.sh --check

clients-test: ## Run the Go, TypeScript and Java examples against the server at RASTERWIRE_ADDRESS
	clients/test.sh
