package skylarkmq.compat.transaction;

import java.util.TreeSet;

import org.apache.rocketmq.common.message.MessageExt;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** What TakeoverBegin left open is checked by whoever has the store now. */
public final class TakeoverEnd implements Scenario {
    @Override
    public String name() {
        return "transaction-end";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        Decider decider = new Decider();
        String topic = env.topic("transaction-takeover");
        // A producer is known to a broker once it has sent something to it.
        env.transactionProducer("transaction-takeover", decider).sendMessageInTransaction(Decider.decided(topic, "own", "commit", "commit"), null);
        Await.until("every open one is checked", Await.DEFAULT_MILLIS, () -> decider.checked.size() >= 2 * TakeoverBegin.EACH,
            () -> decider.checked.toString());
        TreeSet<String> names = new TreeSet<>();
        for (MessageExt m : env.readAll(env.onlyQueue(topic), 2 * TakeoverBegin.EACH + 1)) {
            Check.that(names.add(m.getUserProperty("name")), "twice: %s", m.getUserProperty("name"));
        }
        see.note("checked %s", decider.checked);
        see.note("visible %s", names);
    }
}
