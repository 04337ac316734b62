package skylarkmq.compat.mqadmin;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/** The broker's and the name server's settings and counters, and a setting changed while it runs. */
final class Settings {
    /** Settings that operators and tools rely on finding, with their values. The block with all settings has the rest. */
    private static final Set<String> RELIED_ON = new TreeSet<>(Arrays.asList(
        "brokerClusterName", "brokerName", "brokerId", "brokerPermission", "brokerRole", "autoCreateTopicEnable",
        "autoCreateSubscriptionGroup", "defaultTopicQueueNums", "clusterTopicEnable", "brokerTopicEnable", "maxMessageSize",
        "flushDiskType", "fileReservedTime", "deleteWhen", "mappedFileSizeCommitLog", "mappedFileSizeConsumeQueue",
        "messageIndexEnable", "longPollingEnable", "shortPollingTimeMills", "traceTopicEnable", "msgTraceTopicName", "regionId",
        "rejectTransactionMessage", "transactionTimeOut", "transactionCheckMax", "transactionCheckInterval", "messageDelayLevel",
        "haSendHeartbeatInterval", "haHousekeepingInterval", "slaveReadEnable", "transferMsgByHeap", "enablePropertyFilter",
        "notifyConsumerIdsChangedEnable", "registerNameServerPeriod", "osPageCacheBusyTimeOutMills", "diskMaxUsedSpaceRatio",
        "timerWheelEnable", "popPollingSize", "reviveQueueNum", "compressedRegister", "forceRegister", "maxTransferCountOnMessageInMemory"));

    private Settings() {
    }

    static void show(Tool tool, String addr) throws Exception {
        tool.append("brokerStatus", sorted(tool.run("brokerStatus", "-b", addr), Settings::counter));
        List<String> all = settings(tool.run("getBrokerConfig", "-b", addr));
        tool.append("getBrokerConfig", chosen(all));
        tool.append("getBrokerConfig all", all);
        tool.show("updateBrokerConfig", "updateBrokerConfig", "-b", addr, "-k", "fileReservedTime", "-v", "71");
        tool.append("getBrokerConfig after the update", chosen(settings(tool.run("getBrokerConfig", "-b", addr))));
        tool.append("getNamesrvConfig", settings(tool.run("getNamesrvConfig")));
    }

    /** Rates are shown over as many spans as the broker is old: one number, later three. */
    private static String counter(String line) {
        return Normalise.numbers(line).replaceAll("<n>( <n>)+$", "<n>");
    }

    private static List<String> sorted(List<String> printed, Function<String, String> more) {
        List<String> lines = Normalise.lines(printed, more);
        Collections.sort(lines);
        return lines;
    }

    /** "name = value" lines; paths, ports and what follows from the number of processors are the machine's. */
    private static List<String> settings(List<String> printed) {
        List<String> lines = new ArrayList<>();
        for (String line : Normalise.lines(printed, Function.identity())) {
            int eq = line.indexOf('=');
            if (eq <= 0) { // the heading is a row of equal signs
                continue;
            }
            String name = line.substring(0, eq).trim();
            String value = line.substring(eq + 1).trim();
            if (name.matches(".*([pP]ort|ThreadNums?|PoolNums|Threads|PoolSize|Processors)$")) {
                value = Normalise.numbers(value);
            } else if (value.startsWith("/") || value.contains(":/")) {
                value = "<path>";
            }
            lines.add((name + " = " + value).trim());
        }
        Collections.sort(lines);
        return lines;
    }

    private static List<String> chosen(List<String> all) {
        List<String> lines = new ArrayList<>();
        for (String line : all) {
            if (RELIED_ON.contains(line.substring(0, line.indexOf('=')).trim())) {
                lines.add(line);
            }
        }
        return lines;
    }
}
