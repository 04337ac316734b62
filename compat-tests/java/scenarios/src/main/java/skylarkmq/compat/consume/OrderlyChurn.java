package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/**
 * Four orderly consumers of a group under load; in each of SKYLARK_CHURN_ROUNDS rounds one leaves and another joins, and every
 * queue must go on. No queue is consumed by two at a time or out of order, nothing is missing, and the only message that comes
 * twice is the one in hand when its queue was taken away: the client does not commit it. A member that loses a queue and gets it
 * back has taken it over, too.
 */
public final class OrderlyChurn implements Scenario {
    private static final int MEMBERS = 4;
    private static final int QUEUES = 8;
    /**
     * Now and then a client that shuts down leaves a lock behind; its queue rests until the lock expires, after
     * rebalanceLockMaxLiveTime, 60 s when that is not set.
     */
    private static final long LOCK_EXPIRED_MILLIS = 100_000;
    private static final long STALL_MILLIS = 9_000;

    @Override
    public String name() {
        return "orderly-churn";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String asked = System.getenv("SKYLARK_CHURN_ROUNDS");
        int rounds = asked == null || asked.isEmpty() ? 2 : Integer.parseInt(asked);
        String topic = env.createTopic(name(), QUEUES);
        Queues queues = new Queues();
        Deque<DefaultMQPushConsumer> group = new ArrayDeque<>();
        int sent;
        try (Load load = new Load(env.producer(name()), env.queues(topic))) {
            for (int i = 0; i < MEMBERS; i++) {
                group.add(join(env, topic, queues, "first" + i));
            }
            queues.awaitAllGoOn("begin");
            for (int round = 0; round < rounds; round++) {
                env.stop(group.remove());
                if (round % 2 == 0) {
                    queues.awaitAllGoOn("round " + round + ", one has left");
                }
                group.add(join(env, topic, queues, "round" + round));
                queues.awaitAllGoOn("round " + round + ", one has joined");
            }
            load.close();
            sent = load.sent();
        }
        Await.until("the rest", LOCK_EXPIRED_MILLIS, () -> queues.seen() == sent, () -> queues.seen() + " of " + sent);
        queues.check();
        System.out.printf("PASS %s: %d rounds, %d messages, %d take-overs of queues, %d messages again, %d waits for a lock to expire%n", name(), rounds,
            sent, queues.taken, queues.again, queues.stalls);
        see.note("order kept, nothing missing, twice only what was in hand");
    }

    private DefaultMQPushConsumer join(Env env, String topic, Queues queues, String member) throws Exception {
        DefaultMQPushConsumer c = env.pushConsumer(name());
        c.setConsumeMessageBatchMaxSize(1);
        // Else shutdown gives the locks back while a message is in hand.
        c.setAwaitTerminationMillisWhenShutdown(10_000);
        c.subscribe(topic, "*");
        c.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
            Object hold = c.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().get(context.getMessageQueue());
            queues.consume(member, hold, messages.get(0));
            return ConsumeOrderlyStatus.SUCCESS;
        });
        env.start(c);
        return c;
    }

    /** What each queue's consumers saw, checked as it happens. */
    private static final class Queues {
        private final long[] last = new long[QUEUES];
        private final String[] owner = new String[QUEUES];
        private final Object[] holds = new Object[QUEUES];
        private final boolean[] inHand = new boolean[QUEUES];
        private final BitSet numbers = new BitSet();
        private String wrong;
        private int taken;
        private int again;
        private int stalls;

        Queues() {
            Arrays.fill(last, -1);
        }

        /** hold is the client's own object for one take-over of the queue; null when the client is leaving and has let go of them all. */
        void consume(String member, Object hold, MessageExt m) {
            int q = m.getQueueId();
            synchronized (this) {
                if (inHand[q]) {
                    fail("queue " + q + ": " + member + " and another consume it at a time");
                }
                inHand[q] = true;
            }
            Thread.yield(); // give another the chance to be wrong
            synchronized (this) {
                inHand[q] = false;
                boolean fresh = !member.equals(owner[q]) || hold != null && hold != holds[q];
                if (fresh) {
                    taken++;
                    holds[q] = hold;
                }
                if (m.getQueueOffset() == last[q] + 1) {
                    last[q]++;
                } else if (fresh && m.getQueueOffset() == last[q]) {
                    again++;
                } else {
                    fail("queue " + q + ": " + member + " got offset " + m.getQueueOffset() + " after " + owner[q] + " had " + last[q]);
                }
                owner[q] = member;
                numbers.set(Integer.parseInt(new String(m.getBody(), StandardCharsets.UTF_8)));
            }
        }

        private void fail(String what) {
            if (wrong == null) {
                wrong = what;
            }
        }

        synchronized int seen() {
            return numbers.cardinality();
        }

        synchronized void check() {
            Check.equal("what went wrong first", null, wrong);
        }

        void awaitAllGoOn(String when) throws Exception {
            long[] from;
            synchronized (this) {
                from = last.clone();
            }
            long began = System.currentTimeMillis();
            Await.until("every queue to go on: " + when, LOCK_EXPIRED_MILLIS, () -> behind(from) == 0, () -> behind(from) + " do not");
            long took = System.currentTimeMillis() - began;
            if (took > STALL_MILLIS) {
                stalls++;
                System.out.println("PASS " + when + ": a queue rested for " + took + " ms");
            }
            check();
        }

        private synchronized int behind(long[] from) {
            int n = 0;
            for (int q = 0; q < QUEUES; q++) {
                n += last[q] > from[q] ? 0 : 1;
            }
            return n;
        }
    }
}
