package skylarkmq.compat.resume;

import java.util.List;
import java.util.Set;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Before the restart: a group consumes what there is, commits and leaves; then more is sent that nobody consumes. */
public final class Resume1 implements Scenario {
    static final String NAME = "resume";
    static final int COUNT = 20;

    @Override
    public String name() {
        return "resume-1";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic(NAME, 4);
        DefaultMQProducer producer = env.producer(NAME);
        List<MessageQueue> queues = env.queues(topic);
        Group.send(producer, queues, "consumed before");
        Group group = new Group(env, topic);
        Await.until("all to be consumed", () -> group.bodies().size() == COUNT);
        group.leave(env);
        // Leaving commits one-way; the broker is about to be stopped, so see that it has arrived.
        long committed = Group.awaitCommitted(env, queues, COUNT);
        Group.send(producer, queues, "sent before");
        Set<String> seen = group.bodies();
        see.note("consumed %d, committed %d: %s", seen.size(), committed, seen);
    }
}
