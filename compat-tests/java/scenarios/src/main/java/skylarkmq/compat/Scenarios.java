package skylarkmq.compat;

import java.util.Arrays;
import java.util.List;

import skylarkmq.compat.consume.AskedConsumer;
import skylarkmq.compat.consume.Broadcast;
import skylarkmq.compat.consume.ConsumeFrom;
import skylarkmq.compat.consume.KeptSubscription;
import skylarkmq.compat.consume.LitePullAssign;
import skylarkmq.compat.consume.LitePullSubscribe;
import skylarkmq.compat.consume.OrderlyChurn;
import skylarkmq.compat.consume.OrderlyTakeover;
import skylarkmq.compat.consume.PullConsumer;
import skylarkmq.compat.consume.PullRefusals;
import skylarkmq.compat.consume.PushConcurrently;
import skylarkmq.compat.consume.PushOrderly;
import skylarkmq.compat.consume.ResetOnline;
import skylarkmq.compat.consume.ServerAssigned;
import skylarkmq.compat.interop.InteropCheck;
import skylarkmq.compat.interop.InteropWrite;
import skylarkmq.compat.query.KeyQuery;
import skylarkmq.compat.query.OffsetMessageId;
import skylarkmq.compat.query.QueueOffsets;
import skylarkmq.compat.query.SqlFilter;
import skylarkmq.compat.query.TagFilter;
import skylarkmq.compat.resume.Resume1;
import skylarkmq.compat.resume.Resume2;
import skylarkmq.compat.retry.DelayedSend;
import skylarkmq.compat.retry.OrderlyToDeadLetter;
import skylarkmq.compat.retry.PullSendBack;
import skylarkmq.compat.retry.RetryToDeadLetter;
import skylarkmq.compat.send.AutoCreateOff;
import skylarkmq.compat.send.AutoCreatedTopic;
import skylarkmq.compat.send.BodyLimit;
import skylarkmq.compat.send.CompressedBody;
import skylarkmq.compat.send.IllegalNames;
import skylarkmq.compat.send.SendAsync;
import skylarkmq.compat.send.SendBatch;
import skylarkmq.compat.send.SendOneway;
import skylarkmq.compat.send.SendOrdered;
import skylarkmq.compat.send.SendSync;
import skylarkmq.compat.send.SendVipChannel;
import skylarkmq.compat.send.TopicNotExist;
import skylarkmq.compat.send.UnicodeMessage;
import skylarkmq.compat.special.BatchQueues;
import skylarkmq.compat.special.LightQueues;
import skylarkmq.compat.special.MessageTrace;
import skylarkmq.compat.special.RequestReply;
import skylarkmq.compat.special.SpecialCheck;
import skylarkmq.compat.special.SpecialWrite;
import skylarkmq.compat.transaction.TakeoverBegin;
import skylarkmq.compat.transaction.TakeoverEnd;
import skylarkmq.compat.transaction.Transactions;

/** Every scenario there is. The long ones come first when they run side by side, the transcripts keep this order. */
final class Scenarios {
    private Scenarios() {
    }

    static List<Scenario> all() {
        return Arrays.asList(
            new PushConcurrently(),
            new PushOrderly(),
            new OrderlyChurn(),
            new KeptSubscription(),
            new Broadcast(),
            ConsumeFrom.first(),
            ConsumeFrom.last(),
            ConsumeFrom.timestamp(),
            new LitePullAssign(),
            new LitePullSubscribe(),
            new PullConsumer(),
            new PullRefusals(),
            new KeyQuery(),
            new OffsetMessageId(),
            new QueueOffsets(),
            new TagFilter(),
            new AutoCreatedTopic(),
            new AutoCreateOff(),
            new BodyLimit(),
            new CompressedBody(),
            new IllegalNames(),
            new SendAsync(),
            new SendBatch(),
            new SendOneway(),
            new SendOrdered(),
            new SendSync(),
            new SendVipChannel(),
            new TopicNotExist(),
            new UnicodeMessage(),
            new SqlFilter(),
            new SqlFilter.Off(),
            new ResetOnline(),
            new OrderlyTakeover(),
            new ServerAssigned(),
            new AskedConsumer(),
            new RetryToDeadLetter(),
            new PullSendBack(),
            new OrderlyToDeadLetter(),
            new DelayedSend(),
            new skylarkmq.compat.retry.TakeoverBegin(),
            new skylarkmq.compat.retry.TakeoverEnd(),
            new skylarkmq.compat.retry.TakeoverEnd.Clean(),
            new Resume1(),
            new Resume2(),
            new Transactions(),
            new RequestReply(),
            new MessageTrace(),
            new LightQueues(),
            new BatchQueues(),
            new SpecialWrite(),
            new SpecialCheck(),
            new TakeoverBegin(),
            new TakeoverEnd(),
            new InteropWrite(),
            new InteropCheck(),
            new InteropCheck.Offsets());
    }
}
