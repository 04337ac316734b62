package skylarkmq.compat.retry;

import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Leaves a level half delivered and messages on their way to a retry topic. Levels of the broker: 1s 30s. */
public final class TakeoverBegin implements Scenario {
    static final int EACH = 20;

    @Override
    public String name() {
        return "delay-begin";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("delay-takeover", 1);
        String failing = env.createTopic("retry-takeover", 1);
        DefaultMQProducer producer = env.producer("delay-takeover");
        for (int i = 0; i < EACH; i++) {
            producer.send(delayed(topic, "soon-" + i, 1));
        }
        env.readAll(env.onlyQueue(topic), EACH);
        for (int i = 0; i < EACH; i++) {
            producer.send(new Message(failing, ("failed-" + i).getBytes(StandardCharsets.UTF_8)));
        }
        Set<String> failed = ConcurrentHashMap.newKeySet();
        DefaultMQPushConsumer c = RetryToDeadLetter.consumer(env, "retry-takeover", failing, 16);
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(m -> failed.add(Record.body(m)));
            context.setDelayLevelWhenNextConsume(2);
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        env.start(c);
        Await.until("all to fail", () -> failed.size() == EACH);
        // What is shut down before it has given a message back has not given it back.
        MessageQueue waiting = new MessageQueue("SCHEDULE_TOPIC_XXXX", env.onlyQueue(topic).getBrokerName(), 1);
        Await.until("all to be given back", () -> env.reader().maxOffset(waiting) >= EACH);
        env.stop(c);
        for (int i = 0; i < EACH; i++) {
            producer.send(delayed(topic, "late-" + i, 2));
            producer.send(delayed(topic, "again-" + i, 1));
        }
        env.readAll(env.onlyQueue(topic), 2 * EACH);
        see.note("%d delivered, %d and %d wait", 2 * EACH, EACH, failed.size());
    }

    static Message delayed(String topic, String body, int level) {
        Message m = new Message(topic, body.getBytes(StandardCharsets.UTF_8));
        m.setDelayTimeLevel(level);
        return m;
    }
}
