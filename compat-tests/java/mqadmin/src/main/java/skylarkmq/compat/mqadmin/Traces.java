package skylarkmq.compat.mqadmin;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Clients with enableMsgTrace at work, and the operator who asks what became of their messages. */
final class Traces implements AutoCloseable {
    private static final String TOPIC = "mqadmin-traced";
    private static final String OWN_TRACES = "mqadmin-own-traces";
    private static final String FAILS_ONCE = "fails once";

    private final Tool tool;
    private final String nameServer;
    private final String addr;
    private final List<AutoCloseable> clients = new ArrayList<>();

    Traces(Tool tool, String nameServer, String brokerAddr) {
        this.tool = tool;
        this.nameServer = nameServer;
        this.addr = brokerAddr;
    }

    void run() throws Exception {
        tool.run("updateTopic", "-b", addr, "-t", TOPIC, "-r", "1", "-w", "1");
        tool.run("updateTopic", "-b", addr, "-t", OWN_TRACES, "-r", "1", "-w", "1");
        consume("mqadmin-trace-consumers");
        consume("mqadmin-trace-others");
        DefaultMQProducer producer = start(new DefaultMQProducer("mqadmin-trace-producers", true, null));
        String plain = send(producer, "plain");
        String again = send(producer, FAILS_ONCE);
        String own = send(start(new DefaultMQProducer("mqadmin-trace-own", true, OWN_TRACES)), "traced elsewhere");
        String half = half("half");

        show("of a message", 3, "-i", plain);
        show("of a message that failed once", 5, "-i", again);
        show("of a transaction", 3, "-i", half);
        show("of a message whose producer has a trace topic of its own", 2, "-i", own);
        show("in a topic of its own", 1, "-i", own, "-t", OWN_TRACES);
        show("of a message, one trace at most", 1, "-i", own, "-t", OWN_TRACES, "-c", "1");
        show("before the message", 0, "-i", plain, "-e", "1000");
        show("after the message", 0, "-i", plain, "-b", Long.toString(System.currentTimeMillis() + 3_600_000));
        show("of no message", 0, "-i", "7F00000100002A139A55000000000000");
        show("in no topic", 0, "-i", plain, "-t", "mqadmin-none");
    }

    /** Traces come in their own time, and how many come in one message is chance: so is their order. */
    private void show(String title, int rows, String... options) throws Exception {
        String[] command = new String[options.length + 1];
        command[0] = "queryMsgTraceById";
        System.arraycopy(options, 0, command, 1, options.length);
        if (rows > 0) {
            Clients.until(rows + " traces " + title,
                () -> tool.run(command).stream().filter(l -> l.startsWith("Pub ") || l.startsWith("Sub ")).count() >= rows);
        }
        tool.showSortedShape("queryMsgTraceById " + title, command);
    }

    private void consume(String group) throws Exception {
        DefaultMQPushConsumer c = new DefaultMQPushConsumer(group, true, null);
        c.setNamesrvAddr(nameServer);
        // The retry topic is made by the consumer's first heartbeat: it is not to look for it only after half a minute.
        c.setPollNameServerInterval(500);
        c.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        c.subscribe(TOPIC, "*");
        c.setConsumeMessageBatchMaxSize(1);
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            MessageExt m = messages.get(0);
            boolean fails = m.getReconsumeTimes() == 0 && FAILS_ONCE.equals(new String(m.getBody(), StandardCharsets.UTF_8));
            return fails ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        c.start();
        clients.add(c::shutdown);
    }

    private <P extends DefaultMQProducer> P start(P producer) throws Exception {
        producer.setNamesrvAddr(nameServer);
        producer.setSendMsgTimeout(15_000);
        producer.start();
        clients.add(producer::shutdown);
        return producer;
    }

    private static String send(DefaultMQProducer producer, String body) throws Exception {
        return producer.send(new Message(TOPIC, "tag", "key", body.getBytes(StandardCharsets.UTF_8))).getMsgId();
    }

    private String half(String body) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer(null, "mqadmin-trace-transactions", null, true, null);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message m, Object arg) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt m) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        start(producer);
        return producer.sendMessageInTransaction(new Message(TOPIC, "tag", "key", body.getBytes(StandardCharsets.UTF_8)), null).getMsgId();
    }

    @Override
    public void close() throws Exception {
        for (AutoCloseable c : clients) {
            c.close();
        }
    }
}
