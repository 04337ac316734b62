package skylarkmq.compat.mqadmin;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** A producer and a consumer for the operator to look at, under names that do not change. */
final class Clients implements AutoCloseable {
    static final String TOPIC = "mqadmin-topic";
    static final String GROUP = "mqadmin-group";
    static final String PRODUCERS = "mqadmin-producers";
    private static final long DEADLINE_MILLIS = 60_000;

    private final String nameServer;
    private final AtomicInteger consumed = new AtomicInteger();
    private DefaultMQProducer producer;
    private DefaultMQPushConsumer consumer;

    Clients(String nameServer) {
        this.nameServer = nameServer;
    }

    /** Sends to queue 1 of the topic, so that queue 0 is the tool's own; returns the replies. */
    List<SendResult> produce(String brokerName, int count) throws Exception {
        producer = new DefaultMQProducer(PRODUCERS);
        producer.setNamesrvAddr(nameServer);
        producer.setClientIP("client");
        producer.setInstanceName("producer");
        producer.start();
        List<SendResult> sent = new ArrayList<>();
        MessageQueue queue = new MessageQueue(TOPIC, brokerName, 1);
        for (int i = 0; i < count; i++) {
            Message m = new Message(TOPIC, "tag" + i % 2, "key" + i, ("produced " + i).getBytes(StandardCharsets.UTF_8));
            sent.add(producer.send(m, queue, 15_000));
        }
        return sent;
    }

    /** Starts the consumer and waits until it has had so many messages. */
    void consume(int count) throws Exception {
        consumer = new DefaultMQPushConsumer(GROUP);
        consumer.setNamesrvAddr(nameServer);
        consumer.setClientIP("client");
        consumer.setInstanceName("consumer");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(TOPIC, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            consumed.addAndGet(messages.size());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        until("the consumer to have all", () -> consumed.get() >= count);
    }

    /** Leaving commits what was consumed. */
    void stopConsumer() {
        consumer.shutdown();
        consumer = null;
    }

    static void until(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + DEADLINE_MILLIS * 1_000_000;
        while (!condition.call()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("gave up waiting for " + what);
            }
            Thread.sleep(50);
        }
    }

    @Override
    public void close() {
        if (consumer != null) {
            consumer.shutdown();
        }
        if (producer != null) {
            producer.shutdown();
        }
    }
}
