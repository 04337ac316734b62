package skylarkmq.compat.interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Fills a store with everything the formats know of ordinary messages, and keeps a list of what was acknowledged. */
public final class InteropWrite implements Scenario {
    private static final int SINGLES = 300;
    private static final int BATCHES = 20;
    private static final int BATCH = 10;
    static final String GROUP = "interop";
    static final long COMMITTED = 42;

    @Override
    public String name() {
        return "interop-write";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        List<Manifest.Entry> entries = new ArrayList<>();
        singles(env, entries);
        batches(env, entries);
        commit(env);
        Manifest.write(env.stateFile(), entries);
        see.note("acknowledged %d messages", entries.size());
    }

    /** Sizes from one byte to 600 kB, so that log files roll; every third with a tag, every second with keys. */
    private static void singles(Env env, List<Manifest.Entry> entries) throws Exception {
        List<MessageQueue> queues = env.queues(env.createTopic(Manifest.PLAIN, Manifest.PLAIN_QUEUES));
        DefaultMQProducer producer = env.producer("interop-plain", p -> p.setCompressMsgBodyOverHowmuch(8 << 10));
        Random random = new Random(7);
        for (int i = 0; i < SINGLES; i++) {
            MessageQueue q = queues.get(i % queues.size());
            byte[] body = new byte[1 + (i % 25 == 0 ? 600_000 : random.nextInt(6000))];
            random.nextBytes(body);
            String tags = i % 3 == 0 ? "tag" + i % 7 : "";
            String keys = i % 2 == 0 ? "key" + i + " all" : "";
            String note = "note \u00fc\u6d88\ud83d\ude80 " + i;
            Message m = new Message(q.getTopic(), tags, keys, body);
            m.putUserProperty("note", note);
            SendResult r = producer.send(m, q);
            entries.add(Manifest.entry(q.getTopic(), q.getQueueId(), r.getQueueOffset(), r.getMsgId(), r.getOffsetMsgId(), tags, keys,
                note, body));
        }
    }

    private static void batches(Env env, List<Manifest.Entry> entries) throws Exception {
        MessageQueue q = env.onlyQueue(env.createTopic(Manifest.BATCH, 1));
        DefaultMQProducer producer = env.producer("interop-batch");
        for (int b = 0; b < BATCHES; b++) {
            List<Message> batch = new ArrayList<>();
            for (int i = 0; i < BATCH; i++) {
                byte[] body = ("batch " + b + " message " + i).getBytes(StandardCharsets.UTF_8);
                Message m = new Message(q.getTopic(), "tag" + i % 3, "key" + b + "-" + i, body);
                m.putUserProperty("note", "in a batch");
                batch.add(m);
            }
            SendResult r = producer.send(batch);
            String[] unique = r.getMsgId().split(",");
            String[] offsetIds = r.getOffsetMsgId().split(",");
            for (int i = 0; i < BATCH; i++) {
                entries.add(Manifest.entry(q.getTopic(), 0, r.getQueueOffset() + i, unique[i], offsetIds[i], "tag" + i % 3,
                    "key" + b + "-" + i, "in a batch", batch.get(i).getBody()));
            }
        }
    }

    private static void commit(Env env) throws Exception {
        MessageQueue q = env.onlyQueue(env.topic(Manifest.BATCH));
        DefaultMQPullConsumer c = env.pullConsumer(GROUP);
        c.pull(q, "*", 0, 1); // creates the group: commits for a group the broker does not know are dropped
        c.updateConsumeOffset(q, COMMITTED);
        c.getDefaultMQPullConsumerImpl().getOffsetStore().persist(q);
        Await.until("the commit to arrive", () -> c.fetchConsumeOffset(q, true) == COMMITTED);
    }
}
