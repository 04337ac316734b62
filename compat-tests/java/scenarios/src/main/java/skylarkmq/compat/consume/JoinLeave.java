package skylarkmq.compat.consume;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Transcript;

/** A group under load whose consumers come and go; the concurrent and the ordered scenario differ in their listener only. */
final class JoinLeave {
    /** Messages a consumer must see after a change, before the next one: shows that the queues have really moved. */
    private static final int MOVED = 40;
    /** A lock that is left behind is over after a minute at most, and then the queue has to be caught up with. */
    private static final long LIMIT_MILLIS = 150_000;

    private final Env env;
    private final String name;
    private final Listen listen;
    private final Seen seen = new Seen();
    private final String topic;

    interface Listen {
        void to(DefaultMQPushConsumer c, Seen seen, String consumer);
    }

    JoinLeave(Env env, String name, Listen listen) throws Exception {
        this.env = env;
        this.name = name;
        this.listen = listen;
        this.topic = env.createTopic(name, 4);
    }

    Seen run(Transcript see) throws Exception {
        DefaultMQProducer producer = env.producer(name);
        int sent;
        int rounds = env.full() ? 6 : 1;
        try (Load load = new Load(producer, env.queues(topic))) {
            DefaultMQPushConsumer staying = join("first");
            awaitMore("first");
            for (int i = 0; i < rounds; i++) {
                String second = "second" + i;
                DefaultMQPushConsumer joining = join(second);
                awaitMore(second);
                awaitMore("first");
                if (i == 0) {
                    see.note("both consume");
                }
                env.stop(joining);
                // The one that stays must get the queues of the one that left.
                int left = seen.by(second);
                awaitCovered(load.sent());
                Check.equal("messages of a stopped consumer", left, seen.by(second));
            }
            String third = "third";
            join(third);
            awaitMore(third);
            env.stop(staying);
            awaitCovered(load.sent());
            see.note("the last one has all queues");
            load.close();
            sent = load.sent();
        }
        awaitCovered(sent);
        Check.equal("distinct messages seen", sent, seen.count());
        see.note("every message was covered");
        return seen;
    }

    private DefaultMQPushConsumer join(String consumer) throws Exception {
        DefaultMQPushConsumer c = env.pushConsumer(name);
        // Else shutdown gives queues back, and commits, while messages are in hand.
        c.setAwaitTerminationMillisWhenShutdown(10_000);
        c.subscribe(topic, "*");
        listen.to(c, seen, consumer);
        env.start(c);
        return c;
    }

    private void awaitMore(String consumer) throws Exception {
        int from = seen.by(consumer);
        Await.until(consumer + " of " + name + " to consume", LIMIT_MILLIS, () -> seen.by(consumer) >= from + MOVED,
            () -> seen.by(consumer) + " after " + from);
    }

    private void awaitCovered(int upTo) throws Exception {
        Await.until("messages up to " + upTo, LIMIT_MILLIS, () -> seen.firstMissing() >= upTo, () -> "first missing is " + seen.firstMissing());
    }
}
