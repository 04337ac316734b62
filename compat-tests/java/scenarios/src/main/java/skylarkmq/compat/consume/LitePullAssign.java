package skylarkmq.compat.consume;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Await;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** Lite pull with a queue taken by hand: seek anywhere, to both ends, and to a time. */
public final class LitePullAssign implements Scenario {
    private static final int COUNT = 10;

    @Override
    public String name() {
        return "lite-pull-assign";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        MessageQueue queue = env.onlyQueue(env.createTopic("lite-pull-assign", 1));
        DefaultMQProducer producer = env.producer("lite-pull-assign");
        for (int i = 0; i < COUNT; i++) {
            producer.send(new Message(queue.getTopic(), ("body " + i).getBytes(StandardCharsets.UTF_8)));
            Await.clockPast(env.readAll(queue, i + 1).get(i).getStoreTimestamp());
        }
        long storeTimeOf6 = env.readAll(queue, COUNT).get(6).getStoreTimestamp();

        DefaultLitePullConsumer c = env.litePullConsumer("lite-pull-assign", lite -> lite.setAutoCommit(false));
        c.assign(Collections.singletonList(queue));
        see.note("queues of the topic: %d", c.fetchMessageQueues(queue.getTopic()).size());
        // Read to the end first: a seek while the client's first pull is still under way can be answered by that pull, for
        // the task that begins at the new place takes the mark away which would have made the old one drop its messages.
        see.note("as assigned: %s", poll(c, COUNT));
        c.seek(queue, 3);
        see.note("from 3: %s", poll(c, COUNT - 3));
        c.seekToBegin(queue);
        see.note("from the beginning: %s", poll(c, COUNT));
        see.note("offset for the time of 6: %d", c.offsetForTimestamp(queue, storeTimeOf6));
        c.seek(queue, c.offsetForTimestamp(queue, storeTimeOf6));
        see.note("from that time: %s", poll(c, COUNT - 6));
        c.seekToEnd(queue);
        producer.send(new Message(queue.getTopic(), "after the end".getBytes(StandardCharsets.UTF_8)));
        see.note("from the end: %s", poll(c, 1));
        see.refused("seek beyond the end", () -> c.seek(queue, COUNT + 100));
    }

    /** Polls until so many messages have come; more than that would be noted and so be seen as a difference. */
    static List<String> poll(DefaultLitePullConsumer c, int count) throws Exception {
        List<String> got = new ArrayList<>();
        Await.until(count + " messages by lite pull", () -> {
            for (MessageExt m : c.poll(200)) {
                got.add(new String(m.getBody(), StandardCharsets.UTF_8));
            }
            return got.size() >= count;
        });
        return got;
    }
}
