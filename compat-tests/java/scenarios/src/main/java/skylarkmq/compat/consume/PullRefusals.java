package skylarkmq.compat.consume;

import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Pulls and offset questions the broker must refuse, with the remark an operator searches for. */
public final class PullRefusals implements Scenario {
    @Override
    public String name() {
        return "pull-refusals";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        MessageQueue known = env.onlyQueue(env.createTopic("pull-refusals", 1));
        DefaultMQPullConsumer c = env.pullConsumer("pull-refusals");
        c.pull(known, "*", 0, 4); // and so learn where the broker is
        MessageQueue noTopic = new MessageQueue(env.topic("pull-no-topic"), known.getBrokerName(), 0);
        MessageQueue noQueue = new MessageQueue(known.getTopic(), known.getBrokerName(), 9);
        see.refused("pull of an unknown topic", () -> c.pull(noTopic, "*", 0, 4));
        see.refused("pull of a queue out of range", () -> c.pull(noQueue, "*", 0, 4));
        see.note("committed offset of a new group: %d", c.fetchConsumeOffset(known, true));
        see.note("committed offset of an unknown topic: %d", c.fetchConsumeOffset(noTopic, true));
    }
}
