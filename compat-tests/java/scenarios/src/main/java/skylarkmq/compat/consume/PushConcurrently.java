package skylarkmq.compat.consume;

import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;

import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Consumers join and leave a group under load: every message is seen by one of them at least. */
public final class PushConcurrently implements Scenario {
    @Override
    public String name() {
        return "push-concurrently";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        new JoinLeave(env, name(), (c, seen, consumer) ->
            c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                messages.forEach(m -> seen.add(consumer, m));
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            })).run(see);
    }
}
