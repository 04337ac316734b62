package skylarkmq.compat.consume;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Lock;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.impl.consumer.DefaultMQPushConsumerImpl;
import org.apache.rocketmq.client.impl.factory.MQClientInstance;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/**
 * A client with useHeartbeatV2 that has a newer version of its subscription than it ever told, as after two of its heartbeats met:
 * the one that had it was left out. The broker must ask for it, or nothing is consumed any more. Clients from 5.1 on know these heartbeats.
 */
public final class KeptSubscription implements Scenario {
    @Override
    public String name() {
        return "kept-subscription";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        System.setProperty("com.rocketmq.heartbeat.v2", "true"); // read by each client that is made
        String topic = env.createTopic(name(), 1);
        AtomicInteger consumed = new AtomicInteger();
        DefaultMQPushConsumer c = env.pushConsumer(name());
        c.setHeartbeatBrokerInterval(500);
        c.setPollNameServerInterval(500);
        c.getDefaultMQPushConsumerImpl().setPullTimeDelayMillsWhenException(100);
        c.subscribe(topic, "*");
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            consumed.addAndGet(messages.size());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        env.start(c);
        DefaultMQProducer producer = env.producer(name());
        send(producer, topic, consumed, 1);

        DefaultMQPushConsumerImpl inner = c.getDefaultMQPushConsumerImpl();
        MQClientInstance client = inner.getmQClientFactory();
        // Of brokers that are sent a fingerprint only; a broker that asks for the subscriptions is taken out.
        Map<?, ?> fingerprints = (Map<?, ?>) field(client, "brokerAddrHeartbeatFingerprintTable");
        // Later the group does not change any more, and with it what the client sends.
        Await.until("the queues of the retry topic", () -> inner.getRebalanceImpl().getProcessQueueTable().size() == 2);
        Await.until("heartbeats that send a fingerprint only", () -> fingerprints.size() == 1);
        Lock heartbeats = (Lock) field(client, "lockHeartbeat");
        heartbeats.lock(); // as if one was on its way
        try {
            Object fingerprint = fingerprints.values().iterator().next();
            long version = System.currentTimeMillis();
            do { // the order of subscriptions in a fingerprint is that of a hash table, which minds versions
                inner.getSubscriptionInner().get(topic).setSubVersion(++version);
            } while (!fingerprint.equals(fingerprint(client)));
        } finally {
            heartbeats.unlock();
        }
        // The pull that waits now has the old version.
        send(producer, topic, consumed, 2);
        Await.until("the broker to ask for the subscription", fingerprints::isEmpty);
        send(producer, topic, consumed, 3);
        see.note("asked for what it had kept, and went on");
    }

    private static void send(DefaultMQProducer producer, String topic, AtomicInteger consumed, int number) throws Exception {
        producer.send(new Message(topic, ("message " + number).getBytes(StandardCharsets.UTF_8)));
        Await.until("message " + number, () -> consumed.get() == number);
    }

    private static Object fingerprint(MQClientInstance client) throws Exception {
        Method prepare = MQClientInstance.class.getDeclaredMethod("prepareHeartbeatData", boolean.class);
        prepare.setAccessible(true);
        Object heartbeat = prepare.invoke(client, false);
        return heartbeat.getClass().getMethod("computeHeartbeatFingerprint").invoke(heartbeat);
    }

    private static Object field(MQClientInstance client, String name) throws Exception {
        Field field = MQClientInstance.class.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(client);
    }
}
