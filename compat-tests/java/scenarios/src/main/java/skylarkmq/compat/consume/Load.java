package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** Sends numbered messages round robin over the queues of a topic, until it is told to stop. */
final class Load implements AutoCloseable {
    private static final long PACE_MILLIS = 2;

    private final Thread thread;
    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicInteger sent = new AtomicInteger();
    private volatile Exception failure;

    Load(DefaultMQProducer producer, java.util.List<MessageQueue> queues) {
        thread = new Thread(() -> {
            try {
                while (!stop.get()) {
                    int n = sent.get();
                    MessageQueue queue = queues.get(n % queues.size());
                    producer.send(new Message(queue.getTopic(), Integer.toString(n).getBytes(StandardCharsets.UTF_8)), queue);
                    sent.incrementAndGet();
                    Thread.sleep(PACE_MILLIS); // a steady trickle: joins and leaves must meet messages under way
                }
            } catch (Exception e) {
                failure = e;
            }
        }, "load");
        thread.start();
    }

    int sent() {
        return sent.get();
    }

    /** Stops sending; afterwards sent() does not change any more. */
    @Override
    public void close() throws Exception {
        stop.set(true);
        thread.join();
        if (failure != null) {
            throw failure;
        }
    }
}
