// Command selectors evaluates SQL92 expressions over messages, for comparison with
// the Java evaluator (compat-tests). A line of its input is an expression and the
// property strings of messages, in base64 with tabs between; a line of its output is
// "E" and the error in base64, or "R" and a letter a message: T, F, N for null, X
// where Java throws.
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"github.com/skylarkmq/skylark/filter"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	for in.Scan() {
		line, err := answer(strings.Split(in.Text(), "\t"))
		if err != nil {
			return err
		}
		fmt.Fprintln(out, line)
	}
	if err := in.Err(); err != nil {
		return err
	}
	return out.Flush()
}

func answer(fields []string) (string, error) {
	text, err := base64.StdEncoding.DecodeString(fields[0])
	if err != nil {
		return "", err
	}
	e, err := filter.Compile(string(text), filter.SQL92)
	if err != nil {
		return "E " + base64.StdEncoding.EncodeToString([]byte(err.Error())), nil
	}
	results := []byte("R ")
	for _, f := range fields[1:] {
		properties, err := base64.StdEncoding.DecodeString(f)
		if err != nil {
			return "", err
		}
		results = append(results, "NTFX"[e.Evaluate(properties)])
	}
	return string(results), nil
}
