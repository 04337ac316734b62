package skylarkmq.compat.transaction;

import org.apache.rocketmq.client.producer.TransactionMQProducer;

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
        // An op record is written within 3 s; the original needs it to know what was settled.
        Thread.sleep(4_000);
        see.note("%d half messages, %d committed", 4 * EACH, EACH);
    }
}
