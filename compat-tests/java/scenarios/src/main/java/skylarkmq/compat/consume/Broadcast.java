package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** In a broadcasting group every consumer gets every message of every queue. */
public final class Broadcast implements Scenario {
    private static final int COUNT = 20;

    @Override
    public String name() {
        return "broadcast";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("broadcast", 4);
        List<Set<String>> got = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Set<String> mine = Collections.synchronizedSet(new TreeSet<>());
            got.add(mine);
            DefaultMQPushConsumer c = env.pushConsumer("broadcast");
            Env.broadcasting(c);
            c.subscribe(topic, "*");
            c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                messages.forEach(m -> mine.add(new String(m.getBody(), StandardCharsets.UTF_8)));
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
            env.start(c);
        }
        DefaultMQProducer producer = env.producer("broadcast");
        for (int i = 0; i < COUNT; i++) {
            producer.send(new Message(topic, String.format("%02d", i).getBytes(StandardCharsets.UTF_8)));
        }
        for (int i = 0; i < 2; i++) {
            Set<String> mine = got.get(i);
            Await.until("a broadcast consumer to see all", () -> mine.size() >= COUNT);
            see.note("consumer %d: %s", i, mine);
        }
    }
}
