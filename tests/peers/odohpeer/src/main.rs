// A client and a target on Cloudflare's odoh-rs that speak hexadecimal lines, so that tests can put any carrier between them.
//
// odohpeer client CONFIGS PADDING: reads a DNS message, prints it sealed; reads the sealed answer, prints the DNS message.
// odohpeer target: prints its configs; reads a sealed query, prints the DNS message; reads an answer, prints it sealed.
// A line that does not open gives the line "error".

use odoh_rs::{
    compose, decrypt_query, decrypt_response, encrypt_query, encrypt_response, parse, ObliviousDoHConfig,
    ObliviousDoHConfigContents, ObliviousDoHConfigs, ObliviousDoHKeyPair, ObliviousDoHMessage,
    ObliviousDoHMessagePlaintext, ResponseNonce,
};
use rand::RngExt;
use std::io::{stdin, stdout, BufRead, Write};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn read_line() -> Option<Vec<u8>> {
    let mut line = String::new();
    match stdin().lock().read_line(&mut line) {
        Ok(length) if length > 0 => Some(hex::decode(line.trim()).unwrap_or_default()),
        _ => None,
    }
}

fn say(data: &[u8]) {
    println!("{}", hex::encode(data));
    let _ = stdout().flush();
}

fn open_message(data: Vec<u8>) -> Outcome<ObliviousDoHMessage> {
    Ok(parse(&mut bytes_of(data))?)
}

fn bytes_of(data: Vec<u8>) -> std::io::Cursor<Vec<u8>> {
    std::io::Cursor::new(data)
}

fn ask(configs: &[u8], padding: usize, message: &[u8]) -> Outcome<()> {
    let configs: ObliviousDoHConfigs = parse(&mut bytes_of(configs.to_vec()))?;
    let config: ObliviousDoHConfigContents = configs.supported().into_iter().next().ok_or("no config")?.into();
    let query = ObliviousDoHMessagePlaintext::new(message, padding);
    let (sealed, secret) = encrypt_query(&query, &config, &mut rand::rng())?;
    say(&compose(&sealed)?);
    let answer = open_message(read_line().ok_or("no answer")?)?;
    say(&decrypt_response(&query, &answer, secret)?.into_msg());
    Ok(())
}

fn answer(pair: &ObliviousDoHKeyPair, sealed: Vec<u8>) -> Outcome<()> {
    let (query, secret) = decrypt_query(&open_message(sealed)?, pair)?;
    say(&query.clone().into_msg());
    let response = ObliviousDoHMessagePlaintext::new(read_line().ok_or("no answer")?, 0);
    let nonce: ResponseNonce = rand::rng().random();
    say(&compose(&encrypt_response(&query, &response, secret, nonce)?)?);
    Ok(())
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("client") if arguments.len() == 4 => {
            let (configs, padding) = (hex::decode(&arguments[2])?, arguments[3].parse()?);
            while let Some(message) = read_line() {
                if ask(&configs, padding, &message).is_err() {
                    println!("error");
                }
            }
        }
        Some("target") => {
            let pair = ObliviousDoHKeyPair::new(&mut rand::rng());
            let configs: ObliviousDoHConfigs = vec![ObliviousDoHConfig::from(pair.public().clone())].into();
            say(&compose(&configs)?);
            while let Some(sealed) = read_line() {
                if answer(&pair, sealed).is_err() {
                    println!("error");
                }
            }
        }
        _ => return Err("odohpeer client CONFIGS PADDING | odohpeer target".into()),
    }
    Ok(())
}
