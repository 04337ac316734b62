package skylarkmq.compat.special;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** A message in many queues: light queues, with enableLmq and enableMultiDispatch. */
public final class LightQueues implements Scenario {
    static final String NAMES = "INNER_MULTI_DISPATCH";
    static final String OFFSETS = "INNER_MULTI_QUEUE_OFFSET";

    @Override
    public String name() {
        return "light-queues";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        MessageQueue parent = env.onlyQueue(env.createTopic("light-queues", 1));
        MessageQueue a = light(env, parent, "a");
        MessageQueue b = light(env, parent, "b");
        DefaultMQProducer producer = env.producer("light-queues");
        for (int i = 0; i < 12; i++) {
            send(producer, parent, i, i % 3 == 0 ? a.getTopic() + "," + b.getTopic() : a.getTopic());
        }
        DefaultMQPullConsumer c = env.pullConsumer("light-queues");
        c.maxOffset(parent); // learns where the broker is
        for (MessageQueue q : new MessageQueue[] {a, b}) {
            Await.until("units of " + q.getTopic(), () -> c.maxOffset(q) == (q == a ? 12 : 4));
            see.note("%s: min %d, max %d", q.getTopic(), c.minOffset(q), c.maxOffset(q));
            PullResult r = c.pull(q, "*", 0, 32);
            see.note("%s: %s next %d min %d max %d", q.getTopic(), r.getPullStatus(), r.getNextBeginOffset(), r.getMinOffset(), r.getMaxOffset());
            for (MessageExt m : r.getMsgFoundList()) {
                see.note("%s: %s", q.getTopic(), describe(env, m));
            }
            see.note("%s: first at %d, later at %d", q.getTopic(), c.searchOffset(q, 0), c.searchOffset(q, System.currentTimeMillis() + 100_000));
        }
        PullResult tagged = c.pull(a, "even", 0, 32);
        see.note("by tag: %d of 12, next %d", tagged.getMsgFoundList().size(), tagged.getNextBeginOffset());
        PullResult ahead = c.pull(b, "*", 9, 32);
        see.note("ahead: %s next %d", ahead.getPullStatus(), ahead.getNextBeginOffset());
        see.refused("queue 1", () -> c.pull(new MessageQueue(a.getTopic(), a.getBrokerName(), 1), "*", 0, 32));
        MessageQueue none = light(env, parent, "none");
        PullResult empty = c.pull(none, "*", 3, 32);
        see.note("a queue that nobody named: %s next %d; min %d max %d", empty.getPullStatus(), empty.getNextBeginOffset(), c.minOffset(none), c.maxOffset(none));
        waits(env, see, producer, parent, b);
        offsets(env, see, a);
        others(env, see, producer, parent, a);
    }

    /** A pull that waits is answered when a message comes. */
    private static void waits(Env env, Transcript see, DefaultMQProducer producer, MessageQueue parent, MessageQueue b) throws Exception {
        DefaultMQPullConsumer c = env.pullConsumer("light-waits");
        c.maxOffset(parent);
        CompletableFuture<PullResult> later = CompletableFuture.supplyAsync(() -> {
            try {
                return c.pullBlockIfNotFound(b, "*", 4, 32);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        Thread.yield();
        send(producer, parent, 12, b.getTopic());
        PullResult r = later.get(60, TimeUnit.SECONDS);
        see.note("waited for: %s %s", r.getPullStatus(), describe(env, r.getMsgFoundList().get(0)));
    }

    /** Offsets of light groups are in a table of their own. */
    private static void offsets(Env env, Transcript see, MessageQueue a) throws Exception {
        for (String name : new String[] {"light-offsets", "%LMQ%light-offsets"}) {
            DefaultMQPullConsumer c = name.startsWith("%") ? lightGroup(env, name) : env.pullConsumer(name);
            c.maxOffset(env.onlyQueue(env.topic("light-queues")));
            see.note("%s begins at %d", name, c.fetchConsumeOffset(a, true));
            c.pull(a, "*", 0, 1);
            c.updateConsumeOffset(a, 5);
            c.getDefaultMQPullConsumerImpl().getOffsetStore().persist(a);
            Await.until("the commit of " + name, () -> c.fetchConsumeOffset(a, true) == 5);
            see.note("%s committed 5", name);
        }
    }

    static DefaultMQPullConsumer lightGroup(Env env, String name) throws Exception {
        DefaultMQPullConsumer light = new DefaultMQPullConsumer(env.topic(name));
        env.startOwn(light);
        return light;
    }

    /** What has names and does not get into the queues, or not as told. */
    private static void others(Env env, Transcript see, DefaultMQProducer producer, MessageQueue parent, MessageQueue a) throws Exception {
        DefaultMQPullConsumer c = env.reader();
        c.maxOffset(parent);
        long before = c.maxOffset(a);
        Message m = message(parent, 20, a.getTopic());
        MessageAccessor.putProperty(m, OFFSETS, "777");
        producer.send(m, parent);
        Await.until("one more", () -> c.maxOffset(a) == before + 1);
        see.note("its own offset: %s", describe(env, c.pull(a, "*", before, 1).getMsgFoundList().get(0)));
        m = message(parent, 21, a.getTopic());
        m.setDelayTimeLevel(1);
        producer.send(m, parent);
        Await.until("the delayed one", () -> c.maxOffset(a) == before + 2);
        see.note("after its delay: %s", describe(env, c.pull(a, "*", before + 1, 1).getMsgFoundList().get(0)));
        m = message(parent, 22, "");
        see.note("without a name: %s", producer.send(m, parent).getSendStatus());
        Check.equal("units", before + 2, c.maxOffset(a));
    }

    static MessageQueue light(Env env, MessageQueue parent, String name) {
        return new MessageQueue("%LMQ%" + env.topic(name), parent.getBrokerName(), 0);
    }

    static void send(DefaultMQProducer producer, MessageQueue parent, int i, String names) throws Exception {
        producer.send(message(parent, i, names), parent);
    }

    static Message message(MessageQueue parent, int i, String names) {
        Message m = new Message(parent.getTopic(), i % 2 == 0 ? "even" : "odd", "k" + i, ("body " + i).getBytes(StandardCharsets.UTF_8));
        if (!names.isEmpty()) {
            MessageAccessor.putProperty(m, NAMES, names);
        }
        return m;
    }

    static String describe(Env env, MessageExt m) {
        return new String(m.getBody(), StandardCharsets.UTF_8) + " of " + m.getTopic() + " at " + m.getQueueOffset() + ", names " + m.getProperty(NAMES)
            + " offsets " + m.getProperty(OFFSETS);
    }
}
