package skylarkmq.compat.special;

import java.nio.charset.StandardCharsets;

import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Another server has opened the store: the queues have everything, and go on where they were. */
public final class SpecialCheck implements Scenario {
    @Override
    public String name() {
        return "special-check";
    }

    @Override
    public boolean onDemand() {
        return true;
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        Await.until("routes of the reopened store", () -> {
            try {
                return env.queues(env.topic(SpecialWrite.PARENT)).size() == 1 && env.queues(env.topic(SpecialWrite.BATCH)).size() == 1;
            } catch (Exception notYet) {
                return false;
            }
        });
        MessageQueue parent = env.onlyQueue(env.topic(SpecialWrite.PARENT));
        MessageQueue batch = env.onlyQueue(env.topic(SpecialWrite.BATCH));
        env.reader().maxOffset(parent);
        check(env, parent, batch, SpecialWrite.ROUNDS);
        for (int i = SpecialWrite.ROUNDS; i < SpecialWrite.ROUNDS + 5; i++) {
            SpecialWrite.round(env, env.producer("special-check" + i), parent, batch, i);
        }
        check(env, parent, batch, SpecialWrite.ROUNDS + 5);
        see.note("light and batch queues went on");
    }

    private static void check(Env env, MessageQueue parent, MessageQueue batch, int rounds) throws Exception {
        light(env, LightQueues.light(env, parent, "all"), rounds, 1);
        light(env, LightQueues.light(env, parent, "third"), (rounds + 2) / 3, 3);
        Await.until("the batch queue", () -> env.reader().maxOffset(batch) == rounds * 4);
        long next = 0;
        while (next < rounds * 4) {
            PullResult r = env.reader().pull(batch, "*", next, 32);
            Check.that(r.getMsgFoundList() != null, "batch queue at %d: %s", next, r.getPullStatus());
            for (MessageExt m : r.getMsgFoundList()) {
                Check.equal("message at " + next, "body " + next + " at " + next, new String(m.getBody(), StandardCharsets.UTF_8) + " at " + m.getQueueOffset());
                next++;
            }
            Check.equal("next offset", next, r.getNextBeginOffset());
        }
    }

    private static void light(Env env, MessageQueue q, int count, int step) throws Exception {
        Await.until(q.getTopic(), () -> env.reader().maxOffset(q) == count);
        long next = 0;
        while (next < count) {
            PullResult r = env.reader().pull(q, "*", next, 32);
            Check.that(r.getMsgFoundList() != null, "%s at %d: %s", q, next, r.getPullStatus());
            for (MessageExt m : r.getMsgFoundList()) {
                Check.equal("message " + next, "body " + next * step, new String(m.getBody(), StandardCharsets.UTF_8));
                String[] offsets = m.getProperty(LightQueues.OFFSETS).split(",");
                Check.equal("its offset", String.valueOf(next), offsets[step == 3 || offsets.length == 1 ? 0 : 1]);
                next++;
            }
        }
    }
}
