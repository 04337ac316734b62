package skylarkmq.compat.query;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** The broker filters by the hash of the tag, the client by the tag: "AaAaAa" and "BBBBBB" have the same hash. */
public final class TagFilter implements Scenario {
    private static final String[] TAGS = {"A", "AaAaAa", "B", "BBBBBB", null, "A", "C"};

    @Override
    public String name() {
        return "tag-filter";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        Check.equal("hash", "AaAaAa".hashCode(), "BBBBBB".hashCode());
        String topic = env.createTopic("tag-filter", 1);
        DefaultMQProducer producer = env.producer("tag-filter");
        for (int i = 0; i < TAGS.length; i++) {
            producer.send(new Message(topic, TAGS[i], ("body " + i).getBytes(StandardCharsets.UTF_8)));
        }
        MessageQueue queue = env.onlyQueue(topic);
        env.readAll(queue, TAGS.length);
        DefaultMQPullConsumer consumer = env.pullConsumer("tag-filter");
        for (String expression : new String[] {"*", "A", "AaAaAa", "BBBBBB", "A || C", "A||B||C||BBBBBB", "none"}) {
            PullResult r = consumer.pull(queue, expression, 0, 32);
            List<String> found = new ArrayList<>();
            if (r.getMsgFoundList() != null) {
                for (MessageExt m : r.getMsgFoundList()) {
                    found.add(m.getQueueOffset() + ":" + m.getTags());
                }
            }
            see.note("[%s]: %s next %d min %d max %d %s", expression, r.getPullStatus(), r.getNextBeginOffset(), r.getMinOffset(),
                r.getMaxOffset(), found);
        }
    }
}
