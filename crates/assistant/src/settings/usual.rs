//! What an assistant says unless its settings say otherwise, in English and Chinese.

use super::{SmallTalk, Voice};

pub(super) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

fn small_talk(says: &[&str], reply: &str) -> SmallTalk {
    SmallTalk {
        says: strings(says),
        reply: reply.into(),
    }
}

pub(super) fn english() -> Voice {
    Voice {
        prompt: "You are friendly and brief. You answer customers of the company in plain words.".into(),
        greeting: "Hello! What can I help you with?".into(),
        refusal: "I am sorry, I have no answer to that in our information. Could you say it in other words, or \
                  shall I pass you to a colleague?"
            .into(),
        hand_over: "I will pass you to a colleague.".into(),
        guarded: "I can only answer questions about our products and services.".into(),
        person: strings(&[
            "pass me to a colleague", "to your colleague", "talk to someone", "speak to someone", "speak with someone", "talk to somebody", "human please",
            "your manager", "call me back", "customer service agent",
        ]),
        yes: strings(&["yes", "yes please", "please", "sure", "ok", "okay", "please do", "yes pass me", "yes do that"]),
        angry: strings(&[
            "ridiculous", "unacceptable", "outrageous", "terrible", "horrible", "awful", "worst", "useless",
            "disgusting", "scam", "angry", "furious", "fed up", "stupid", "idiots", "waste of time", "wtf",
            "pathetic", "disgrace", "never again", "shame on you", "rip off", "ripoff",
        ]),
        small_talk: vec![
            small_talk(
                &["hi", "hello", "hey", "hi there", "hello there", "hey there", "good morning", "good afternoon", "good evening", "good day"],
                "Hello! What can I help you with?",
            ),
            small_talk(
                &["how are you", "how are you doing", "how is it going", "what's up", "how's it going"],
                "I am fine, thank you. What can I help you with?",
            ),
            small_talk(
                &["thanks", "thank you", "thank you very much", "thanks a lot", "many thanks", "great thanks", "ok thanks", "perfect thank you", "cheers", "that helps", "that helped"],
                "You are welcome. Is there anything else?",
            ),
            small_talk(
                &["bye", "goodbye", "good bye", "see you", "have a nice day", "bye bye", "good night", "no that's all", "that's all"],
                "Goodbye, and have a nice day!",
            ),
            small_talk(
                &["who are you", "are you a robot", "are you a bot", "are you human", "are you a human", "are you a real person", "what are you", "am i talking to a robot", "what is your name"],
                "I am the company's assistant, a computer program. I answer from our information, and can pass you to \
                 a colleague.",
            ),
            small_talk(
                &["help", "help me", "can you help me", "i need help", "i have a question", "what can you do"],
                "Of course. What would you like to know?",
            ),
        ],
    }
}

pub(super) fn chinese() -> Voice {
    Voice {
        prompt: "你友好、简洁，用通俗的中文回答本公司顾客的问题。".into(),
        greeting: "您好！请问有什么可以帮您？".into(),
        refusal: "抱歉，我们的资料里没有这个问题的答案。您可以换个说法，或者我为您转接同事？"
            .into(),
        hand_over: "我将为您转接同事。".into(),
        guarded: "我只能回答与我们的商品和服务有关的问题。".into(),
        person: strings(&["转人工", "跟人说话", "和真人", "你们经理", "给我回电"]),
        yes: strings(&[
            "是",
            "是的",
            "好",
            "好的",
            "可以",
            "要",
            "需要",
            "请转接",
            "转接",
            "转吧",
            "行",
        ]),
        angry: strings(&[
            "太差",
            "垃圾",
            "骗子",
            "骗人",
            "气死",
            "生气",
            "愤怒",
            "无语",
            "什么破",
            "烂透",
            "坑人",
            "受够",
            "不可接受",
            "太过分",
            "糟糕透",
            "废物",
            "忍无可忍",
            "恶心",
        ]),
        small_talk: vec![
            small_talk(
                &[
                    "你好",
                    "您好",
                    "嗨",
                    "在吗",
                    "在么",
                    "你好啊",
                    "哈喽",
                    "早上好",
                    "下午好",
                    "晚上好",
                    "有人吗",
                ],
                "您好！请问有什么可以帮您？",
            ),
            small_talk(
                &["你好吗", "最近怎么样", "你怎么样"],
                "我很好，谢谢。请问有什么可以帮您？",
            ),
            small_talk(
                &[
                    "谢谢",
                    "谢谢你",
                    "谢谢您",
                    "多谢",
                    "非常感谢",
                    "好的谢谢",
                    "谢了",
                    "感谢",
                    "辛苦了",
                    "好的",
                    "明白了",
                    "知道了",
                ],
                "不客气。请问还有其他问题吗？",
            ),
            small_talk(
                &[
                    "再见",
                    "拜拜",
                    "晚安",
                    "没有了",
                    "没了",
                    "没有了谢谢",
                    "就这些",
                ],
                "再见，祝您生活愉快！",
            ),
            small_talk(
                &[
                    "你是谁",
                    "你是机器人吗",
                    "你是人吗",
                    "你是真人吗",
                    "你叫什么",
                    "你叫什么名字",
                    "你是什么",
                ],
                "我是本公司的智能助手，一个电脑程序。我根据公司的资料回答，也可以为您转接同事。",
            ),
            small_talk(
                &[
                    "帮帮我",
                    "我需要帮助",
                    "我有个问题",
                    "我有一个问题",
                    "可以帮我吗",
                    "你能做什么",
                    "请帮我",
                ],
                "当然可以。请问您想了解什么？",
            ),
        ],
    }
}
