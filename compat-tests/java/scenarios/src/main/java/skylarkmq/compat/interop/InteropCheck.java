package skylarkmq.compat.interop;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Another server has opened the store: it must serve all that was acknowledged, and go on where the first one stopped. */
public final class InteropCheck implements Scenario {
    /** Every so manieth message is also looked up by its ids and keys. */
    private static final int SAMPLE = 13;

    @Override
    public String name() {
        return "interop-check";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        List<Manifest.Entry> entries = Manifest.read(env.stateFile());
        Map<MessageQueue, Integer> counts = new HashMap<>();
        Map<String, MessageExt> served = new HashMap<>();
        String plain = env.topic(Manifest.PLAIN);
        Await.until("routes of the reopened store", () -> {
            try {
                return env.queues(plain).size() == Manifest.PLAIN_QUEUES && env.queues(env.topic(Manifest.BATCH)).size() == 1;
            } catch (Exception notYet) {
                return false;
            }
        });
        String broker = env.queues(plain).get(0).getBrokerName();
        entries.forEach(e -> counts.merge(new MessageQueue(e.topic, broker, e.queue), 1, Integer::sum));
        for (Map.Entry<MessageQueue, Integer> e : counts.entrySet()) {
            MessageQueue q = e.getKey();
            Check.equal("max offset of " + q, (long) e.getValue(), env.reader().maxOffset(q));
            Check.equal("min offset of " + q, 0L, env.reader().minOffset(q));
            env.readAll(q, e.getValue()).forEach(m -> served.put(m.getTopic() + "/" + m.getQueueId() + "/" + m.getQueueOffset(), m));
        }
        for (Manifest.Entry e : entries) {
            same(e, served.get(e.topic + "/" + e.queue + "/" + e.offset));
        }
        see.note("served %d messages in %d queues", served.size(), counts.size());

        DefaultMQProducer producer = env.producer("interop-check");
        int looked = lookUp(producer, entries);
        see.note("looked up %d by ids and keys", looked);
        for (MessageQueue q : counts.keySet()) {
            Check.equal("next offset", (long) counts.get(q), producer.send(new Message(q.getTopic(), new byte[1]), q).getQueueOffset());
        }
        see.note("new messages follow the old ones");
    }

    private static int lookUp(DefaultMQProducer producer, List<Manifest.Entry> entries) throws Exception {
        long end = System.currentTimeMillis() + 60_000;
        int looked = 0;
        for (int i = 0; i < entries.size(); i += SAMPLE) {
            Manifest.Entry e = entries.get(i);
            same(e, producer.viewMessage(e.topic, e.offsetId));
            same(e, producer.viewMessage(e.topic, e.uniqueId));
            if (!e.keys.isEmpty()) {
                String key = e.keys.split(" ")[0];
                QueryResult r = producer.queryMessage(e.topic, key, 8, 0, end);
                Check.equal("messages with key " + key, 1, r.getMessageList().size());
                same(e, r.getMessageList().get(0));
            }
            looked++;
        }
        return looked;
    }

    private static void same(Manifest.Entry e, MessageExt m) {
        String what = e.topic + " queue " + e.queue + " offset " + e.offset + ": ";
        Check.that(m != null, "%sis missing", what);
        Check.equal(what + "topic", e.topic, m.getTopic());
        Check.equal(what + "queue", e.queue, m.getQueueId());
        Check.equal(what + "offset", e.offset, m.getQueueOffset());
        Check.equal(what + "unique id", e.uniqueId, m.getMsgId());
        Check.equal(what + "tags", e.tags, m.getTags() == null ? "" : m.getTags());
        Check.equal(what + "keys", e.keys, m.getKeys() == null ? "" : m.getKeys());
        Check.equal(what + "note", e.note, m.getUserProperty("note"));
        Check.equal(what + "body length", e.bodyLength, m.getBody().length);
        Check.equal(what + "body checksum", e.bodyCrc, Manifest.crc(m.getBody()));
    }

    /** After a clean stop the offsets of groups must be there too; after a crash the last seconds of them may be gone. */
    public static final class Offsets implements Scenario {
        @Override
        public String name() {
            return "interop-offsets";
        }

        @Override
        public boolean onDemand() {
            return true;
        }

        @Override
        public void run(Env env, Transcript see) throws Exception {
            MessageQueue q = env.onlyQueue(env.topic(Manifest.BATCH));
            DefaultMQPullConsumer c = env.pullConsumer(InteropWrite.GROUP);
            see.note("committed %d", c.fetchConsumeOffset(q, true));
            Check.equal("committed offset", InteropWrite.COMMITTED, c.fetchConsumeOffset(q, true));
        }
    }
}
