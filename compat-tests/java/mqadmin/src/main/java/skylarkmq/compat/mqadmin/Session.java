package skylarkmq.compat.mqadmin;

import java.util.List;

import org.apache.rocketmq.client.producer.SendResult;

/** An operator's day: creates, sends, looks at everything, changes, deletes, and mistypes. */
final class Session {
    private static final String CLUSTER = "DefaultCluster";
    private static final String BROKER = "broker-a";
    private static final String TOPIC = Clients.TOPIC;
    private static final String GROUP = Clients.GROUP;
    private static final int PRODUCED = 8;

    private final Tool tool;
    private final Clients clients;
    private final String addr;

    Session(Tool tool, Clients clients, String brokerAddr) {
        this.tool = tool;
        this.clients = clients;
        this.addr = brokerAddr;
    }

    void run() throws Exception {
        topics();
        List<SendResult> sent = messages();
        queries(sent);
        consumers();
        mistakes();
        Settings.show(tool, addr);
        permissions();
        deletions();
    }

    private void topics() throws Exception {
        tool.showShape("clusterList", "clusterList");
        tool.show("updateTopic", "updateTopic", "-c", CLUSTER, "-t", TOPIC, "-r", "2", "-w", "2");
        tool.show("updateTopic ordered, on one broker", "updateTopic", "-b", addr, "-t", "mqadmin-ordered", "-r", "1", "-w", "1", "-o", "true");
        tool.show("updateTopic with attributes", "updateTopic", "-b", addr, "-t", "mqadmin-fifo", "-a", "+message.type=FIFO");
        tool.showSorted("topicList", "topicList");
        tool.showSorted("topicList -c", "topicList", "-c");
        tool.show("topicRoute", "topicRoute", "-t", TOPIC);
        tool.show("topicRoute -l", "topicRoute", "-t", TOPIC, "-l");
        tool.show("topicClusterList", "topicClusterList", "-t", TOPIC);
        tool.show("topicStatus of an empty topic", "topicStatus", "-t", TOPIC);
        tool.show("updateSubGroup", "updateSubGroup", "-c", CLUSTER, "-g", GROUP, "-r", "3", "-q", "2");
    }

    private List<SendResult> messages() throws Exception {
        tool.show("sendMessage", "sendMessage", "-t", TOPIC, "-p", "from the tool", "-k", "toolkey", "-c", "tooltag", "-b", BROKER, "-i", "0");
        List<SendResult> sent = clients.produce(BROKER, PRODUCED);
        // Everything is in the queues when the status says so; the index follows.
        Clients.until("the index", () -> tool.run("queryMsgByKey", "-t", TOPIC, "-k", "key" + (PRODUCED - 1)).size() > 1);
        tool.show("topicStatus", "topicStatus", "-t", TOPIC);
        return sent;
    }

    private void queries(List<SendResult> sent) throws Exception {
        SendResult last = sent.get(sent.size() - 1);
        tool.show("queryMsgById", "queryMsgById", "-t", TOPIC, "-i", last.getOffsetMsgId());
        tool.show("queryMsgByKey", "queryMsgByKey", "-t", TOPIC, "-k", "key3");
        tool.show("queryMsgByKey of the tool", "queryMsgByKey", "-t", TOPIC, "-k", "toolkey");
        tool.show("queryMsgByUniqueKey", "queryMsgByUniqueKey", "-t", TOPIC, "-i", last.getMsgId());
        tool.show("queryMsgByOffset", "queryMsgByOffset", "-t", TOPIC, "-b", BROKER, "-i", "1", "-o", "2");
        tool.show("queryMsgByOffset beyond the end", "queryMsgByOffset", "-t", TOPIC, "-b", BROKER, "-i", "1", "-o", "100");
        tool.showSorted("printMsg", "printMsg", "-t", TOPIC, "-d", "true");
        tool.showSorted("printMsg of a tag", "printMsg", "-t", TOPIC, "-s", "tag1", "-d", "true");
        tool.show("consumeMessage", "consumeMessage", "-t", TOPIC, "-b", BROKER, "-i", "1", "-o", "3", "-c", "2");
    }

    private void consumers() throws Exception {
        clients.consume(PRODUCED + 1);
        tool.show("consumerConnection", "consumerConnection", "-g", GROUP);
        tool.show("producerConnection", "producerConnection", "-g", Clients.PRODUCERS, "-t", TOPIC);
        // The consumer's timer commits every five seconds.
        Clients.until("the commits", this::bothQueuesCommitted);
        tool.showProgress("consumerProgress", "consumerProgress", "-g", GROUP);
        tool.showProgress("consumerProgress -s", "consumerProgress", "-g", GROUP, "-s", "true");
        tool.showSorted("consumerProgress of all", "consumerProgress");
        tool.showProgress("brokerConsumeStats", "brokerConsumeStats", "-b", addr);
        clients.stopConsumer();
        tool.show("consumerConnection after it has left", "consumerConnection", "-g", GROUP);
        tool.showSorted("resetOffsetByTime", "resetOffsetByTime", "-g", GROUP, "-t", TOPIC, "-s", "1", "-f", "true");
        tool.showProgress("consumerProgress after the reset", "consumerProgress", "-g", GROUP);
        tool.showSorted("resetOffsetByTime to now", "resetOffsetByTime", "-g", GROUP, "-t", TOPIC, "-s", "now");
        tool.showSorted("resetOffsetByTime of one queue", "resetOffsetByTime", "-g", GROUP, "-t", TOPIC, "-b", addr, "-q", "1", "-s", "-1", "-o", "5");
        tool.showProgress("consumerProgress after the second reset", "consumerProgress", "-g", GROUP);
    }

    /** Before the first commit the tool says nothing about a queue, and so that nothing is left in it. */
    private boolean bothQueuesCommitted() throws Exception {
        List<String> printed = tool.run("consumerProgress", "-g", GROUP);
        return printed.stream().filter(l -> l.startsWith(TOPIC)).count() == 2
            && printed.stream().anyMatch(l -> l.startsWith("Consume Diff Total: 0"));
    }

    private void mistakes() throws Exception {
        tool.show("topicRoute of no topic", "topicRoute", "-t", "mqadmin-none");
        tool.show("topicStatus of no topic", "topicStatus", "-t", "mqadmin-none");
        tool.show("updateTopic with an illegal name", "updateTopic", "-b", addr, "-t", "no such name!");
        tool.show("updateTopic of a system topic", "updateTopic", "-b", addr, "-t", "SCHEDULE_TOPIC_XXXX");
        tool.show("updateTopic with an unknown attribute", "updateTopic", "-b", addr, "-t", "mqadmin-attr", "-a", "+no.such=1");
        tool.show("updateSubGroup with an illegal name", "updateSubGroup", "-b", addr, "-g", "no such name!");
        tool.show("deleteTopic of a system topic", "deleteTopic", "-c", CLUSTER, "-t", "TBW102");
        tool.show("consumerProgress of no group", "consumerProgress", "-g", "mqadmin-none");
        tool.show("consumerConnection of no group", "consumerConnection", "-g", "mqadmin-none");
        tool.show("producerConnection of no group", "producerConnection", "-g", "mqadmin-none", "-t", TOPIC);
        tool.show("queryMsgByKey of no key", "queryMsgByKey", "-t", TOPIC, "-k", "nokey");
        tool.show("wipeWritePerm of no broker", "wipeWritePerm", "-b", "no-broker");
        tool.show("updateBrokerConfig of a black-listed name", "updateBrokerConfig", "-b", addr, "-k", "configBlackList", "-v", "x");
    }

    private void permissions() throws Exception {
        tool.show("wipeWritePerm", "wipeWritePerm", "-b", BROKER);
        tool.show("topicRoute without write", "topicRoute", "-t", TOPIC);
        tool.show("addWritePerm", "addWritePerm", "-b", BROKER);
        tool.show("topicRoute with write", "topicRoute", "-t", TOPIC);
    }

    private void deletions() throws Exception {
        tool.show("deleteSubGroup", "deleteSubGroup", "-c", CLUSTER, "-g", GROUP, "-r", "true");
        tool.show("consumerProgress of a deleted group", "consumerProgress", "-g", GROUP);
        tool.show("deleteTopic", "deleteTopic", "-c", CLUSTER, "-t", TOPIC);
        tool.show("topicRoute of a deleted topic", "topicRoute", "-t", TOPIC);
        tool.showSorted("topicList at the end", "topicList");
    }
}
