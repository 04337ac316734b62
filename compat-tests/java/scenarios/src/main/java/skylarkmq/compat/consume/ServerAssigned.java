package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

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

/**
 * Consumers of 5.x that let the broker share the queues (clientRebalance). Not with useHeartbeatV2: there the client may keep a newer
 * subscription to itself when two of its heartbeats meet, and its pulls are refused as not latest from then on.
 */
public final class ServerAssigned implements Scenario {
    private static final int QUEUES = 4;

    @Override
    public String name() {
        return "server-assigned";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic(name(), QUEUES);
        String more = env.createTopic(name() + "-more", 1);
        Set<String> seen = Collections.synchronizedSet(new TreeSet<>());
        DefaultMQPushConsumer one = consumer(env, topic, seen);
        DefaultMQPushConsumer two = consumer(env, topic, seen);
        if (one == null || two == null) {
            see.note("this client shares queues itself");
            return;
        }
        env.start(one);
        env.start(two);
        Await.until("two queues each", Await.DEFAULT_MILLIS, () -> queues(one, topic) == 2 && queues(two, topic) == 2,
            () -> queues(one, topic) + " " + queues(two, topic));
        see.note("two queues each");
        DefaultMQProducer producer = env.producer(name());
        List<MessageQueue> targets = env.queues(topic);
        int sent = 0;
        for (MessageQueue q : targets) {
            producer.send(new Message(topic, String.format("%02d", sent++).getBytes(StandardCharsets.UTF_8)), q);
        }
        Await.until("all messages", Await.DEFAULT_MILLIS, () -> seen.size() == QUEUES, seen::toString);
        one.subscribe(more, "*");
        two.subscribe(more, "*");
        producer.send(new Message(more, "more".getBytes(StandardCharsets.UTF_8)));
        Await.until("a message of the topic subscribed to later", Await.DEFAULT_MILLIS, () -> seen.contains("more"), seen::toString);
        env.stop(two);
        Await.until("all queues for the one that is left", Await.DEFAULT_MILLIS, () -> queues(one, topic) == QUEUES,
            () -> Integer.toString(queues(one, topic)));
        for (MessageQueue q : targets) {
            producer.send(new Message(topic, String.format("%02d", sent++).getBytes(StandardCharsets.UTF_8)), q);
        }
        Await.until("all messages again", Await.DEFAULT_MILLIS, () -> seen.size() == 2 * QUEUES + 1, seen::toString);
        see.note("consumed %s", seen);
    }

    private DefaultMQPushConsumer consumer(Env env, String topic, Set<String> seen) throws Exception {
        DefaultMQPushConsumer c = env.pushConsumer(name());
        if (!Operator.turnOn(c, "setClientRebalance", false)) {
            return null;
        }
        c.subscribe(topic, "*");
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(m -> seen.add(new String(m.getBody(), StandardCharsets.UTF_8)));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        return c;
    }

    private static int queues(DefaultMQPushConsumer c, String topic) {
        return (int) c.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet().stream()
            .filter(q -> q.getTopic().equals(topic)).count();
    }
}
