package skylarkmq.compat.send;

import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Fifty sends in flight at once: every callback comes, and the offsets are dense. */
public final class SendAsync implements Scenario {
    private static final int COUNT = 50;

    @Override
    public String name() {
        return "send-async";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("send-async", 1);
        DefaultMQProducer producer = env.producer("send-async");
        Set<Long> offsets = Collections.synchronizedSet(new TreeSet<>());
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (int i = 0; i < COUNT; i++) {
            producer.send(new Message(topic, new byte[] {(byte) i}), new SendCallback() {
                @Override
                public void onSuccess(SendResult r) {
                    offsets.add(r.getQueueOffset());
                }

                @Override
                public void onException(Throwable e) {
                    failure.set(e);
                }
            });
        }
        Await.until("all callbacks", () -> failure.get() != null || offsets.size() == COUNT);
        Check.equal("failure", null, failure.get());
        boolean[] seen = new boolean[COUNT];
        env.readAll(env.onlyQueue(topic), COUNT).forEach(m -> seen[m.getBody()[0]] = true);
        for (int i = 0; i < COUNT; i++) {
            Check.that(seen[i], "message %d is not stored", i);
        }
        see.note("offsets %s", offsets);
    }
}
