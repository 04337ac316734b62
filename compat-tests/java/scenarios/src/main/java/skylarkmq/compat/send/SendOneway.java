package skylarkmq.compat.send;

import java.nio.charset.StandardCharsets;
import java.util.TreeSet;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** One-way sends get no reply; they are all stored nevertheless, once each. */
public final class SendOneway implements Scenario {
    @Override
    public String name() {
        return "send-oneway";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("send-oneway", 1);
        DefaultMQProducer producer = env.producer("send-oneway");
        for (int i = 0; i < 20; i++) {
            producer.sendOneway(new Message(topic, String.format("one-way %02d", i).getBytes(StandardCharsets.UTF_8)));
        }
        TreeSet<String> bodies = new TreeSet<>();
        for (MessageExt m : env.readAll(env.onlyQueue(topic), 20)) {
            bodies.add(new String(m.getBody(), StandardCharsets.UTF_8));
        }
        see.note("stored %s", bodies);
    }
}
