package skylarkmq.compat.transaction;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Every end a transaction can have. The broker must check soon: transactionTimeOut of seconds. */
public final class Transactions implements Scenario {
    private static final int CONCURRENT = 1000;

    @Override
    public String name() {
        return "transaction";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        // Side by side: each waits until the broker asks.
        ExecutorService pool = Executors.newFixedThreadPool(3);
        Map<Transcript, Future<?>> running = new LinkedHashMap<>();
        for (Scenes scenes : new Scenes[] {Transactions::outcomes, Transactions::sibling, Transactions::concurrent}) {
            Transcript part = see.part();
            running.put(part, pool.submit(() -> {
                scenes.play(env, part);
                return null;
            }));
        }
        pool.shutdown();
        for (Map.Entry<Transcript, Future<?>> e : running.entrySet()) {
            e.getValue().get();
            see.add(e.getKey());
        }
    }

    private interface Scenes {
        void play(Env env, Transcript see) throws Exception;
    }

    private static void outcomes(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("transaction", 1);
        Decider decider = new Decider();
        TransactionMQProducer producer = env.transactionProducer("transaction", decider);
        String[][] cases = {
            {"committed", "commit", "rollback"},
            {"rolled-back", "rollback", "commit"},
            {"checked-commit", "unknown", "commit"},
            {"checked-rollback", "unknown", "rollback"},
            {"threw", "throws", "commit"},
        };
        for (String[] c : cases) {
            TransactionSendResult r = producer.sendMessageInTransaction(Decider.message(topic, c[0], c[1], c[2]), null);
            see.note("%s: %s %s, queue %d, transaction id is message id %s", c[0], r.getSendStatus(), r.getLocalTransactionState(),
                r.getMessageQueue().getQueueId(), r.getTransactionId().equals(r.getMsgId()));
        }
        Await.until("the checks", Await.DEFAULT_MILLIS, () -> decider.checked.size() >= 3, () -> decider.checked.toString());
        List<MessageExt> visible = env.readAll(env.onlyQueue(topic), 3);
        see.note("first visible: %s", describe(visible.get(0)));
        TreeSet<String> names = new TreeSet<>();
        for (MessageExt m : visible) {
            names.add(m.getUserProperty("name"));
        }
        see.note("visible %s", names);
        see.note("checked %s", decider.seen);
    }

    /** All but what says how often and when. */
    private static String describe(MessageExt m) {
        Map<String, String> properties = new TreeMap<>(m.getProperties());
        return "topic " + m.getTopic() + " queue " + m.getQueueId() + " offset " + m.getQueueOffset() + " sysFlag " + m.getSysFlag()
            + " reconsume " + m.getReconsumeTimes() + " body [" + new String(m.getBody(), java.nio.charset.StandardCharsets.UTF_8)
            + "] properties " + properties;
    }

    /** A producer that is gone before it has decided: another one of its group is asked. */
    private static void sibling(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("transaction-sibling", 1);
        Decider gone = new Decider();
        Decider stays = new Decider();
        TransactionMQProducer first = env.transactionProducer("transaction-sibling", gone);
        for (int i = 0; i < 5; i++) {
            first.sendMessageInTransaction(Decider.message(topic, "orphan-" + i, "unknown", i == 4 ? "rollback" : "commit"), null);
        }
        env.stop(first);
        TransactionMQProducer second = env.transactionProducer("transaction-sibling", stays);
        second.sendMessageInTransaction(Decider.decided(topic, "own", "commit", "commit"), null);
        Await.until("the sibling is asked", () -> stays.checked.size() == 5);
        TreeSet<String> names = new TreeSet<>();
        for (MessageExt m : env.readAll(env.onlyQueue(topic), 5)) {
            names.add(m.getUserProperty("name"));
        }
        see.note("sibling answered %s, visible %s", stays.checked, names);
    }

    private static void concurrent(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("transaction-many", 1);
        TransactionMQProducer producer = env.transactionProducer("transaction-many", new Decider());
        ExecutorService pool = Executors.newFixedThreadPool(32);
        List<Future<?>> sends = new ArrayList<>();
        TreeSet<String> want = new TreeSet<>();
        for (int i = 0; i < CONCURRENT; i++) {
            String name = String.format("m%04d", i);
            String local = i % 3 == 0 ? "commit" : i % 3 == 1 ? "rollback" : "unknown";
            String check = i % 2 == 0 ? "commit" : "rollback";
            if (local.equals("commit") || local.equals("unknown") && check.equals("commit")) {
                want.add(name);
            }
            Message m = local.equals("unknown") ? Decider.message(topic, name, local, check) : Decider.decided(topic, name, local, check);
            sends.add(pool.submit(() -> producer.sendMessageInTransaction(m, null)));
        }
        for (Future<?> f : sends) {
            f.get();
        }
        pool.shutdown();
        TreeSet<String> got = new TreeSet<>();
        for (MessageExt m : env.readAll(env.onlyQueue(topic), want.size())) {
            Check.that(got.add(m.getUserProperty("name")), "twice: %s", m.getUserProperty("name"));
        }
        Check.equal("visible", want, got);
        see.note("%d concurrent, %d visible, each once", CONCURRENT, got.size());
    }
}
