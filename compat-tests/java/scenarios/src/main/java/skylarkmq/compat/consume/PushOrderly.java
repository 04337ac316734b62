package skylarkmq.compat.consume;

import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;

import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** The same coming and going with queue locks: in no queue does a message come before the one below it has come. */
public final class PushOrderly implements Scenario {
    @Override
    public String name() {
        return "push-orderly";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        Seen seen = new JoinLeave(env, name(), (c, all, consumer) ->
            c.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
                messages.forEach(m -> all.add(consumer, m));
                return ConsumeOrderlyStatus.SUCCESS;
            })).run(see);
        Check.equal("order", null, seen.disorder());
        see.note("order kept in every queue");
    }
}
