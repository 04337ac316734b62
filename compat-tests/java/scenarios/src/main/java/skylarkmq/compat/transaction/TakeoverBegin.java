package skylarkmq.compat.transaction;

import java.nio.charset.StandardCharsets;
import java.util.List;

import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Leaves open half messages in a store, between settled ones. */
public final class TakeoverBegin implements Scenario {
    static final int EACH = 10;

    @Override
    public String name() {
        return "transaction-begin";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("transaction-takeover", 1);
        TransactionMQProducer producer = env.transactionProducer("transaction-takeover", new Decider());
        for (int i = 0; i < EACH; i++) {
            producer.sendMessageInTransaction(Decider.message(topic, "committed-" + i, "commit", "rollback"), null);
            producer.sendMessageInTransaction(Decider.message(topic, "rolled-back-" + i, "rollback", "commit"), null);
            producer.sendMessageInTransaction(Decider.message(topic, "open-commit-" + i, "unknown", "commit"), null);
            producer.sendMessageInTransaction(Decider.message(topic, "open-rollback-" + i, "unknown", "rollback"), null);
        }
        env.readAll(env.onlyQueue(topic), EACH);
        awaitOpRecords(env, new MessageQueue("RMQ_SYS_TRANS_OP_HALF_TOPIC", env.onlyQueue(topic).getBrokerName(), 0), 2 * EACH);
        see.note("%d half messages, %d committed", 4 * EACH, EACH);
    }

    /** The original needs them to know what was settled: their bodies are offsets of half messages, each with a comma behind it. */
    private static void awaitOpRecords(Env env, MessageQueue records, int settled) throws Exception {
        long[] next = {0};
        int[] named = {0};
        Await.until("op records of all that are settled", Await.DEFAULT_MILLIS, () -> {
            List<MessageExt> found = env.reader().pull(records, "*", next[0], 32).getMsgFoundList();
            if (found != null) {
                next[0] = found.get(found.size() - 1).getQueueOffset() + 1;
                found.forEach(m -> named[0] += new String(m.getBody(), StandardCharsets.UTF_8).split(",").length);
            }
            return named[0] >= settled;
        }, () -> named[0] + " of " + settled);
    }
}
