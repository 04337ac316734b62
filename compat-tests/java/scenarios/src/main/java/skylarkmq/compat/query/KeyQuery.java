package skylarkmq.compat.query;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Messages found again by a key, by their unique key and by their offset id. */
public final class KeyQuery implements Scenario {
    @Override
    public String name() {
        return "key-query";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("key-query", 2);
        String other = env.createTopic("key-query-other", 1);
        DefaultMQProducer producer = env.producer("key-query");
        long begin = System.currentTimeMillis() - 60_000;
        long end = System.currentTimeMillis() + 60_000;
        List<SendResult> sent = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            String keys = "every " + (i % 2 == 0 ? "even" : "odd") + " only" + i;
            sent.add(producer.send(new Message(topic, "tag", keys, ("body " + i).getBytes(StandardCharsets.UTF_8))));
        }
        producer.send(new Message(other, "tag", "every even", "another topic".getBytes(StandardCharsets.UTF_8)));
        Await.until("the index to have all", () -> bodies(producer, topic, "every", 32, begin, end).size() == 6);
        for (String key : new String[] {"every", "even", "odd", "only3"}) {
            see.note("key %s: %s", key, bodies(producer, topic, key, 32, begin, end));
        }
        see.note("key every, at most 2: %d found", bodies(producer, topic, "every", 2, begin, end).size());
        see.note("other topic: %s", bodies(producer, other, "even", 32, begin, end));
        see.refused("key nobody has", () -> producer.queryMessage(topic, "nobody", 32, begin, end));
        see.refused("before anything was sent", () -> producer.queryMessage(topic, "every", 32, begin - 2_000_000, begin - 1_000_000));
        for (int i : new int[] {0, 5}) {
            MessageExt byUnique = producer.viewMessage(topic, sent.get(i).getMsgId());
            MessageExt byOffset = producer.viewMessage(topic, sent.get(i).getOffsetMsgId());
            Check.equal("unique id", sent.get(i).getMsgId(), byUnique.getMsgId());
            Check.equal("place in the log", byUnique.getCommitLogOffset(), byOffset.getCommitLogOffset());
            see.note("view %d: by unique key [%s], by offset id [%s]", i, text(byUnique), text(byOffset));
        }
    }

    private static List<String> bodies(DefaultMQProducer p, String topic, String key, int max, long begin, long end) throws Exception {
        List<String> found = new ArrayList<>();
        try {
            QueryResult r = p.queryMessage(topic, key, max, begin, end);
            for (MessageExt m : r.getMessageList()) {
                Check.equal("topic", topic, m.getTopic());
                found.add(text(m));
            }
        } catch (MQClientException none) {
            // The client turns an empty answer into an exception.
        }
        Collections.sort(found);
        return found;
    }

    private static String text(MessageExt m) {
        return new String(m.getBody(), StandardCharsets.UTF_8);
    }
}
