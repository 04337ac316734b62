package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/skylarkmq/skylark/broker"
	"github.com/skylarkmq/skylark/internal/config"
	"github.com/skylarkmq/skylark/internal/properties"
)

// options are the flags of mqbroker and mqnamesrv, in their short and long forms.
type options struct {
	configFile     string
	namesrvAddr    string
	printAll       bool
	printImportant bool
}

func (o *options) register(f *flag.FlagSet, important bool) {
	for _, name := range []string{"c", "configFile"} {
		f.StringVar(&o.configFile, name, "", "`file` of settings: a broker.conf or namesrv.conf of the Java distribution")
	}
	for _, name := range []string{"n", "namesrvAddr"} {
		f.StringVar(&o.namesrvAddr, name, "", "name servers, `host:port[;host:port]`; wins over the file")
	}
	for _, name := range []string{"p", "printConfigItem"} {
		f.BoolVar(&o.printAll, name, false, "print all settings and exit")
	}
	if !important {
		return
	}
	for _, name := range []string{"m", "printImportantConfig"} {
		f.BoolVar(&o.printImportant, name, false, "print the important settings and exit")
	}
}

// flags makes the flag set of a role. What it cannot read ends the role with the usage text, as -h does.
func (c *call) flags() *flag.FlagSet {
	f := flag.NewFlagSet(c.program, flag.ContinueOnError)
	f.SetOutput(c.stderr)
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "usage: %s [flags]\n", c.program)
		f.PrintDefaults()
	}
	return f
}

// asksHelp: -h, wherever it stands, is no error.
func asksHelp(args []string) bool { return slices.ContainsFunc(args, isHelpFlag) }

func isHelpFlag(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// isHelp is asked of the first word, where `help` means the same.
func isHelp(arg string) bool { return arg == "help" || isHelpFlag(arg) }

func (c *call) parse(f *flag.FlagSet) error {
	if asksHelp(c.args) {
		f.SetOutput(c.stdout) // asked for, so no error
	}
	if err := f.Parse(c.args); err != nil {
		if f.Output() == c.stdout {
			return flag.ErrHelp
		}
		return exit{exitFailed, err.Error()}
	}
	if f.NArg() > 0 {
		f.Usage()
		return exit{exitFailed, fmt.Sprintf("unexpected argument %q", f.Arg(0))}
	}
	return nil
}

// load reads a settings file into the sections, if there is one.
func load(file string, set *config.Set) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	kv, err := properties.Parse(text)
	if err != nil {
		return fmt.Errorf("settings in %s: %w", file, err)
	}
	if _, err := set.Apply(kv.Values(), false); err != nil {
		return fmt.Errorf("settings in %s: %w", file, err)
	}
	return nil
}

// print answers -p and -m: `name=value` lines. It tells whether it was asked to.
func (o *options) print(c *call, set *config.Set) bool {
	if !o.printAll && !o.printImportant {
		return false
	}
	for _, item := range set.Flat() {
		if o.printAll || important[item[0]] {
			fmt.Fprintf(c.stdout, "%s=%s\n", item[0], item[1])
		}
	}
	return true
}

// checkNamesrvAddr refuses what the Java broker refuses, in its words.
func checkNamesrvAddr(list string) error {
	if _, err := broker.NameServers(list); err != nil {
		return exit{exitBadAddress, err.Error()}
	}
	return nil
}

// important are the names that the original marks @ImportantField: what -m prints.
var important = func() map[string]bool {
	names := strings.Fields(`
		brokerName brokerClusterName brokerId namesrvAddr listenPort brokerIP1 recoverConcurrently autoCreateTopicEnable
		autoCreateSubscriptionGroup msgTraceTopicName traceTopicEnable rejectTransactionMessage fetchNameSrvAddrByDnsLookup
		fetchNamesrvAddrByAddressServer transactionTimeOut transactionCheckMax transactionCheckInterval aclEnable

		storePathRootDir storePathCommitLog storePathDLedgerCommitLog storePathEpochFile storePathBrokerIdentity
		disappearTimeAfterStart storeType flushIntervalCommitLog commitIntervalCommitLog flushCommitLogTimed deleteWhen
		fileReservedTime deleteFileBatchMax maxTransferBytesOnMessageInMemory maxTransferCountOnMessageInMemory
		maxTransferBytesOnMessageInDisk maxTransferCountOnMessageInDisk accessMessageInMemoryMaxRatio messageIndexEnable
		messageIndexSafe haMasterAddress brokerRole flushDiskType cleanFileForciblyEnable transientStorePoolEnable writeWithoutMmap
		enableRunningFlagsInFlush dispatchFromSenderThread wakeCommitWhenPutMessage wakeFlushWhenPutMessage enableCleanExpiredOffset
		totalReplicas inSyncReplicas minInSyncReplicas allAckInSyncStateSet enableAutoInSyncReplicas haFlowControlEnable`)
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}()
