package skylarkmq.compat.resume;

import java.util.List;

import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** After the restart: the group gets what was left and what is new, nothing twice. */
public final class Resume2 implements Scenario {
    @Override
    public String name() {
        return "resume-2";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.topic(Resume1.NAME);
        Await.until("the route after the restart", () -> {
            try {
                return env.queues(topic).size() == 4;
            } catch (Exception notYet) {
                return false;
            }
        });
        List<MessageQueue> queues = env.queues(topic);
        see.note("committed offsets: %d", Group.awaitCommitted(env, queues, Resume1.COUNT));
        Group.send(env.producer("resume-2"), queues, "sent after");
        Group group = new Group(env, topic);
        Await.until("what is left and what is new", () -> group.bodies().size() >= 2 * Resume1.COUNT);
        group.leave(env);
        see.note("consumed %d: %s", group.bodies().size(), group.bodies());
    }
}
