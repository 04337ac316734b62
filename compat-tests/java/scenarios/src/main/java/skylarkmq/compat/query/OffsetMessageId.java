package skylarkmq.compat.query;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageId;
import org.apache.rocketmq.common.message.MessageQueue;

import skylarkmq.compat.Check;
import skylarkmq.compat.Env;
import skylarkmq.compat.Scenario;
import skylarkmq.compat.Transcript;

/** The id a broker gives says where it is: 4 bytes of address, 4 of port, 8 of offset in its log, in hex. */
public final class OffsetMessageId implements Scenario {
    @Override
    public String name() {
        return "offset-message-id";
    }

    @Override
    public void run(Env env, Transcript see) throws Exception {
        String topic = env.createTopic("offset-message-id", 1);
        MessageQueue queue = env.onlyQueue(topic);
        DefaultMQProducer producer = env.producer("offset-message-id");
        SendResult r = producer.send(new Message(topic, "find me".getBytes(StandardCharsets.UTF_8)));
        MessageId id = MessageDecoder.decodeMessageId(r.getOffsetMsgId());
        MessageExt stored = env.readAll(queue, 1).get(0);
        Check.equal("address", stored.getStoreHost(), id.getAddress());
        Check.equal("offset", stored.getCommitLogOffset(), id.getOffset());
        see.note("id of %d characters, address %s", r.getOffsetMsgId().length(), id.getAddress());
        see.note("viewed [%s]", new String(producer.viewMessage(topic, r.getOffsetMsgId()).getBody(), StandardCharsets.UTF_8));

        InetSocketAddress at = (InetSocketAddress) id.getAddress();
        at = new InetSocketAddress(InetAddress.getByName("127.0.0.1"), at.getPort());
        String beyond = MessageDecoder.createMessageId(at, id.getOffset() + (1L << 40));
        see.refused("an offset beyond the end", () -> producer.viewMessage(topic, beyond));
    }
}
