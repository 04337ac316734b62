package skylarkmq.compat.special;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.apache.rocketmq.client.QueryResult;
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

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Clients with enableMsgTrace write what they do into RMQ_SYS_TRACE_TOPIC, and an operator finds it by the message's id. */
public final class MessageTrace implements Scenario {
    private static final String TRACE = "RMQ_SYS_TRACE_TOPIC";

    @Override
    public String name() {
        return "message-trace";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("message-trace", 1);
        see.note("queues of the trace topic: %d", env.queues(TRACE).size());
        CountDownLatch consumed = new CountDownLatch(2);
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(env.group("message-trace"), true, null);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(m -> consumed.countDown());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.startOwn(consumer);
        DefaultMQProducer producer = env.start(new DefaultMQProducer(env.group("trace-producer"), true, null));
        String plain = producer.send(new Message(topic, "t", "key-1", "plain".getBytes(StandardCharsets.UTF_8))).getMsgId();
        TransactionMQProducer transactions = new TransactionMQProducer(null, env.group("trace-transactions"), null, true, null);
        transactions.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message m, Object arg) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt m) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }
        });
        env.start(transactions);
        String half = transactions.sendMessageInTransaction(new Message(topic, "t", "key-2", "half".getBytes(StandardCharsets.UTF_8)), null).getMsgId();
        Check.that(consumed.await(60, TimeUnit.SECONDS), "messages consumed");

        see.note("plain message:");
        traced(env, producer, plain, 3, see);
        see.note("transaction:");
        traced(env, producer, half, 4, see);
    }

    /** Traces come in their own time; those of a message are found by its id, as mqadmin queryMsgTraceById does. */
    private static void traced(Env env, DefaultMQProducer producer, String id, int count, Transcript see) throws Exception {
        Set<String> lines = new TreeSet<>();
        Await.until(count + " traces of a message", () -> {
            try {
                QueryResult r = producer.queryMessage(TRACE, id, 64, System.currentTimeMillis() - 600_000, System.currentTimeMillis() + 60_000);
                lines.clear();
                r.getMessageList().forEach(m -> lines.addAll(records(m, id)));
                return lines.size() >= count;
            } catch (Exception notYet) {
                return false;
            }
        });
        List<String> sorted = new ArrayList<>(lines);
        Collections.sort(sorted);
        sorted.forEach(see::note);
    }

    /** Records end with 0x02, their fields with 0x01; times, addresses, ids and durations are left out. */
    private static List<String> records(MessageExt m, String id) {
        List<String> found = new ArrayList<>();
        for (String record : new String(m.getBody(), StandardCharsets.UTF_8).split("\u0002")) {
            String[] f = record.split("\u0001");
            if (!record.contains(id)) {
                continue;
            }
            switch (f[0]) {
                case "Pub":
                    found.add("Pub group " + f[3] + " topic " + f[4] + " tags " + f[6] + " keys " + f[7] + " type " + f[11] + " success " + f[13]);
                    break;
                case "SubBefore":
                    found.add("SubBefore group " + f[3] + " retries " + f[6] + " keys " + f[7]);
                    break;
                case "SubAfter":
                    found.add("SubAfter success " + f[4] + " keys " + f[5] + " code " + f[6]);
                    break;
                default:
                    found.add(f[0] + " group " + f[3] + " topic " + f[4] + " tags " + f[6] + " keys " + f[7] + " state " + f[11]);
            }
        }
        return found;
    }
}
