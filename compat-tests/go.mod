module github.com/skylarkmq/skylark/compat-tests

go 1.26
