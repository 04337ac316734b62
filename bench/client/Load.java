import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;

/**
 * A load that the official client makes, as an application would use it: java Load.java NAMESRV TOPIC send|async|consume N WARM_MS MEASURE_MS.
 * It prints "begin" when the measured time begins, and "end COUNT FAILED P50 P99 P999" (latencies in ms) when it is over: whoever started
 * it reads the processes' CPU at these two moments.
 */
public final class Load {
    private static final LongAdder DONE = new LongAdder();
    private static final LongAdder FAILED = new LongAdder();
    private static final long[] LATENCIES = new long[1 << 22];
    private static final AtomicLong SEEN = new AtomicLong();
    private static volatile boolean measuring;
    private static volatile boolean over;

    public static void main(String[] args) throws Exception {
        String topic = args[1];
        int n = Integer.parseInt(args[3]);
        Runnable stop;
        switch (args[2]) {
            case "send":
                stop = send(args[0], topic, n);
                break;
            case "async":
                stop = async(args[0], topic, n);
                break;
            case "consume":
                stop = consume(args[0], topic, n);
                break;
            default:
                throw new IllegalArgumentException("send, async or consume, not " + args[2]);
        }
        Thread.sleep(Long.parseLong(args[4]));
        measuring = true;
        long before = DONE.sum();
        long failedBefore = FAILED.sum();
        System.out.println("begin");
        Thread.sleep(Long.parseLong(args[5]));
        measuring = false;
        System.out.println("end " + (DONE.sum() - before) + " " + (FAILED.sum() - failedBefore) + " " + percentiles());
        over = true;
        stop.run();
        System.exit(0);
    }

    private static Runnable send(String namesrv, String topic, int threads) throws Exception {
        DefaultMQProducer producer = producer(namesrv);
        byte[] body = body();
        for (int i = 0; i < threads; i++) {
            Thread t = new Thread(() -> {
                while (!over) {
                    long began = System.nanoTime();
                    try {
                        count(producer.send(new Message(topic, "TagA", body)), began);
                    } catch (Exception e) {
                        FAILED.increment();
                    }
                }
            });
            t.setDaemon(true);
            t.start();
        }
        return producer::shutdown;
    }

    private static Runnable async(String namesrv, String topic, int inFlight) throws Exception {
        DefaultMQProducer producer = producer(namesrv);
        byte[] body = body();
        Semaphore free = new Semaphore(inFlight);
        Thread t = new Thread(() -> {
            while (!over) {
                free.acquireUninterruptibly();
                long began = System.nanoTime();
                try {
                    producer.send(new Message(topic, "TagA", body), new SendCallback() {
                        @Override
                        public void onSuccess(SendResult result) {
                            count(result, began);
                            free.release();
                        }

                        @Override
                        public void onException(Throwable e) {
                            FAILED.increment();
                            free.release();
                        }
                    });
                } catch (Exception e) {
                    FAILED.increment();
                    free.release();
                }
            }
        });
        t.setDaemon(true);
        t.start();
        return producer::shutdown;
    }

    private static Runnable consume(String namesrv, String topic, int threads) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("BenchLoad-" + System.currentTimeMillis());
        consumer.setNamesrvAddr(namesrv);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(threads);
        consumer.setConsumeThreadMax(threads);
        consumer.setConsumeMessageBatchMaxSize(32);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            DONE.add(messages.size());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        return consumer::shutdown;
    }

    private static DefaultMQProducer producer(String namesrv) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("BenchLoad");
        producer.setNamesrvAddr(namesrv);
        producer.setRetryTimesWhenSendFailed(0);
        producer.setRetryTimesWhenSendAsyncFailed(0);
        producer.start();
        return producer;
    }

    private static byte[] body() {
        byte[] body = new byte[1024];
        Arrays.fill(body, "x".getBytes(StandardCharsets.US_ASCII)[0]);
        return body;
    }

    private static void count(SendResult result, long began) {
        if (result.getSendStatus() != SendStatus.SEND_OK) {
            FAILED.increment();
            return;
        }
        DONE.increment();
        if (measuring) {
            long i = SEEN.getAndIncrement();
            if (i < LATENCIES.length) {
                LATENCIES[(int) i] = System.nanoTime() - began;
            }
        }
    }

    private static String percentiles() {
        int n = (int) Math.min(SEEN.get(), LATENCIES.length);
        if (n == 0) {
            return "0 0 0";
        }
        long[] sorted = Arrays.copyOf(LATENCIES, n);
        Arrays.sort(sorted);
        return sorted[(int) (0.5 * (n - 1))] / 1e6 + " " + sorted[(int) (0.99 * (n - 1))] / 1e6 + " " + sorted[(int) (0.999 * (n - 1))] / 1e6;
    }
}
