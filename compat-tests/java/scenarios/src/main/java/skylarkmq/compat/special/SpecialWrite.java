package skylarkmq.compat.special;

import java.util.Collections;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Fills light queues and a batch queue for {@link SpecialCheck}, which another server runs. */
public final class SpecialWrite implements Scenario {
    static final String PARENT = "special-parent";
    static final String BATCH = "special-batch";
    static final int ROUNDS = 60;

    @Override
    public String name() {
        return "special-write";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        MessageQueue parent = env.onlyQueue(env.createTopic(PARENT, 1));
        MessageQueue batch = env.onlyQueue(env.createTopic(BATCH, 1, Collections.singletonMap("queue.type", "BatchCQ")));
        DefaultMQProducer producer = env.producer("special-write");
        for (int i = 0; i < ROUNDS; i++) {
            round(env, producer, parent, batch, i);
        }
        see.note("%d rounds", ROUNDS);
    }

    static void round(Env env, DefaultMQProducer producer, MessageQueue parent, MessageQueue batch, int i) throws Exception {
        String all = LightQueues.light(env, parent, "all").getTopic();
        String third = LightQueues.light(env, parent, "third").getTopic();
        LightQueues.send(producer, parent, i, i % 3 == 0 ? third + "," + all : all);
        producer.send(BatchQueues.batch(batch, i * 4, 4), batch);
    }
}
