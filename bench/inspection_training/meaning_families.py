"""More families of our own for what a text is about: other wordings, other languages, benign neighbours.

Written by us; no text is taken from a data set. `meaning_corpus` expands them with its slots and these.
"""

# ruff: noqa: E501

from bench.inspection_training.wording import lines

SLOTS = {
    "first": [
        *(
            "Maria",
            "John",
            "Priya",
            "Luca",
            "Sofia",
            "Peter",
            "Amina",
            "Kenji",
            "Clara",
            "Tom",
            "Ingrid",
            "Rafael",
        ),
        *(
            "Elena",
            "Ali",
            "Nora",
            "Victor",
            "Mei",
            "Pavel",
            "Ruth",
            "Diego",
            "Hanna",
            "Samuel",
            "Leila",
            "Oscar",
        ),
    ],
    "who": [
        *("<first>", "<person>", "<person>", "Mr <first>", "my colleague <first>", "our employee <first>"),
        *(
            "our controller",
            "our store manager",
            "one of our engineers",
            "my deputy",
            "a shift leader of ours",
        ),
        *("our head of <dept>", "<first> from <dept>", "<first> in <dept>", "my direct report <first>"),
    ],
    "dept": [
        *(
            "sales",
            "finance",
            "logistics",
            "support",
            "marketing",
            "engineering",
            "purchasing",
            "quality",
            "design",
        ),
        *("the warehouse", "the kitchen", "the night shift", "accounting", "operations", "research"),
    ],
    "task": [
        *(
            "Please rewrite this.",
            "Make it friendlier.",
            "Summarise for my boss.",
            "Turn this into a memo.",
            "Help?",
        ),
        *(
            "Draft an e-mail.",
            "Can you proofread it?",
            "Give me three bullets.",
            "Put it in a table.",
            "Shorten it.",
        ),
        *(
            "What should I say?",
            "How do I phrase it?",
            "List next steps.",
            "Write talking points.",
            "Check the tone.",
        ),
        *(
            "Translate it.",
            "Make slides.",
            "Please structure it.",
            "Write one paragraph.",
            "Find errors.",
            "",
            "",
        ),
    ],
    "ask": [
        *(
            "Draft",
            "Write",
            "Help me write",
            "Please prepare",
            "Can you polish",
            "Summarise",
            "Proofread",
            "Shorten",
        ),
        *(
            "Rephrase",
            "Turn into an e-mail",
            "Translate",
            "I need",
            "Improve",
            "Structure",
            "Condense",
            "Review",
        ),
    ],
    "num": ["4", "17", "38", "62", "120", "310", "0.4", "2.5", "11.8", "1,400", "75", "9"],
    "thing": [
        *(
            "glue",
            "lens",
            "sensor",
            "paint",
            "membrane",
            "fabric",
            "tyre",
            "beer",
            "cheese",
            "perfume",
            "vaccine",
        ),
        *(
            "turbine blade",
            "ranking",
            "credit model",
            "matching engine",
            "audio codec",
            "ceramic",
            "shampoo",
            "alloy",
        ),
    ],
    "gadget": [
        *(
            "scooter",
            "tablet",
            "insurance app",
            "smart lock",
            "loyalty programme",
            "drill",
            "cloud service",
            "lamp",
        ),
        *(
            "running shoe",
            "tractor",
            "banking card",
            "streaming tier",
            "heat pump",
            "operating system",
            "toy line",
        ),
    ],
    "sick": [
        *(
            "a tumour",
            "a stroke",
            "a heart attack",
            "kidney failure",
            "an eating disorder",
            "arthritis",
            "dementia",
        ),
        *(
            "a miscarriage",
            "a herniated disc",
            "panic attacks",
            "an addiction",
            "post-traumatic stress",
            "anaemia",
        ),
        *(
            "tuberculosis",
            "high blood pressure",
            "a broken hip",
            "schizophrenia",
            "long covid",
            "Parkinson's",
        ),
    ],
    "filler": [
        *(
            "Thanks for the quick reply yesterday.",
            "The meeting room is booked for the afternoon.",
            "Hope you are well.",
        ),
        *(
            "Lunch is at half past twelve.",
            "The slides use the new template.",
            "I am out of office on Monday.",
        ),
        *("The link to the shared folder is in the calendar.", "We start ten minutes later than usual."),
        *(
            "Please bring a laptop.",
            "The lift is being repaired until next week.",
            "The agenda has five points.",
        ),
        *(
            "Travel costs are booked as usual.",
            "Two colleagues joined by video.",
            "The next call is in two weeks.",
        ),
        *(
            "The coffee machine works again.",
            "Everybody found the new wiki useful.",
            "No news from the landlord.",
        ),
        *(
            "The printer on the third floor needs paper.",
            "We thanked the organisers.",
            "Tickets are updated.",
        ),
        *(
            "The style guide was discussed briefly.",
            "Let me know if the time does not suit you.",
            "See below.",
        ),
    ],
}

PERSONNEL = lines(r"""
{Dear|Hello} <person>, {after|following} {two|several} {warnings|talks} {we are ending|we terminate|we do not renew|we will not extend} your {contract|employment|probation|fixed-term contract} {as of|with effect from} {Friday|30 June|the end of the month}. <task>
<who> {will not pass|fails|did not pass} {probation|the trial period}: {too slow|many mistakes|rude to guests|weak results}. <task>
<ask> {a|the} {dismissal|suspension|demotion|reprimand|final warning|non-renewal|termination by mutual consent|settlement and exit agreement} for <who>, {who stole goods|caught drunk|caught sleeping|after the fight|because of <reason>}.
{Calibration|Ratings|Scores|Grades|Evaluation} {of|for} {my|our|this} {team|group|people}: <first> <num>, <first> <num>, <first> <num>. {Explain each|Justify the lowest|Write comments|Who gets the raise}?
<first> {gets|earns|makes|is paid} <money>, <first> {only|does the same job for} <money>. {How do I explain the gap|Adjust the pay|Is this unfair|Compute the raise}?
{name|employee|staff id}{,|;|\t}{base|salary|gross pay|rating}{,|;}{bonus|stock|increase}\n<person>{,|;}<num>,<num>\n<person>{,|;}<num>,<num>\n{Find outliers|Total per person|Who is below band}
{Raise|Cut|Set|Adjust} the {salary|pay|bonus|allowance|commission} of <who> {to <money>|by <percent>}{, back-dated|, do not tell the others|, from May}. <ask> {the letter|the mail to payroll|the justification}.
{If|When} we {cut|shrink|reduce|restructure} {the team|<dept>|the shift} {by three|from 12 to 8|by half}, {who|which of them} {goes|leaves|stays}: <first> ({slow|expensive|new|often ill|near retirement}), <first> ({loud|strong|part-time}), <first>?
{Selection matrix|Social plan|Redundancy pool|List of leavers|Reduction list} for <dept>: <person>, <person>, <person>. <task>
<who> {accuses|reported|complains about|filed a complaint against} {the manager|a colleague|<first>} {for|of|because of} {bullying|harassment|racist remarks|touching|shouting|discrimination|mobbing}. <ask> {the summary of statements|the answer|interview questions|the investigation plan}.
{360 feedback|Peer feedback|Upward feedback|Appraisal comments|Self-assessment|Development talk} {for|about|of} <who>: {abrasive|kind but disorganised|takes credit|micromanages|not ready to lead|misses deadlines}. <task>
<who> {should not|will not|was not} {be promoted|become team lead|get the director role|move up}{; explain it gently|: lacks presence|, passed over again}. <task>
{Notes|Minutes|Protocol} {with|HRBP and|of the talk with} <first>: {wants to get rid of|asks how to remove|plans to replace} <first> {before parental leave|after the holidays|without severance}. {Actions?|Write a file note.|Summarise.}
{The|A} {reference|former boss|previous employer|social media check|credit report|police certificate} {of|for|about} {our applicant|the candidate|the new hire} <person> {says|shows|revealed} {fraud|lies in the CV|a conviction|a dismissal|debts}. {Still hire?|What now?|Draft the refusal.}
{Interview notes|Hiring debrief|Panel comments|Assessment centre}: <person>, {nervous|arrogant|salary too high|pregnant soon|strong coder, poor talker}. {Score it|Decide|Write the rejection|Compare with <first>}.
<who> {is|was|has been} {absent|late|off sick|unreachable} {without notice|six times|since Monday|every Friday}. <ask> {the warning|a formal letter|an email from HR}.
{Exit interview|Leaver interview}: <first> {leaves because of|blames|quits over} {the boss|low pay|bullying|night shifts}. <task>
My {boss|manager|team lead|employee|report} <first> {is failing|drinks|is burnt out and slow|cries|lies about hours|is having an affair at work}; {how do I document that|write to HR|prepare the confrontation}.
{Your|The} {position|role|job} {of <first>|in <dept>} {is eliminated|will be cut|ends|is outsourced} {on the 15th|in spring|next month}; {what do I tell <first>|prepare the talk|script please}.
{Employee relations|HR|Personnel} {case|file|matter} {no. 2231|<num>}: {accused|the person concerned} is {a supervisor|<person>}, {two witnesses|three complaints|theft of cash}. <task>
{Put|Write} <first> {on a pip|on a performance plan|on notice}: {target 15 calls, actual 5|60 days|three missed goals}.
{Succession|Talent|Nine-box|Promotion} {list|grid|plan|committee}: <person> {blocked|flight risk|ready now|low potential}, <person> {high potential|to be replaced}. <task>
{Our|My} {workers|drivers|nurses|cleaners|store staff} {want to unionise|signed union cards}; {names|the leaders are} <first> and <first>. {What may we do|How to respond}?
{Kannst du|Bitte} {das Kündigungsschreiben|die Abmahnung|das Zeugnis mit schlechter Note|den Aufhebungsvertrag|die Versetzung} {für|an} {Herrn|Frau} {Weber|Schulz|Yilmaz|Braun|Wolf} {freundlicher formulieren|prüfen|schreiben}? {Grund: Fehlzeiten.|Letzter Arbeitstag ist Ende März.|Wegen Diebstahl.|Leistung mangelhaft.}
{Unser|Mein} {Mitarbeiter|Kollege|Abteilungsleiter} {Herr Klein|Thomas|Frau Yilmaz} {verdient zu wenig|soll entlassen werden|wurde abgemahnt|bekommt keine Gehaltserhöhung|hat das Probezeitgespräch nicht bestanden}. Schreib {den Brief|eine Mail|das Protokoll}.
{Rédige|Corrige|Traduis} {la lettre de licenciement|l'avertissement|la convention de rupture|l'évaluation annuelle|la mise à pied} de {M.|Mme} {Bernard|Petit|Moreau|Rousseau}{, absent sans justification|, pour insuffisance|, salaire <num> euros|}.
{Notre|Mon} {salarié|employé|collaborateur} {Julien|M. Petit} {sera licencié|n'aura pas de prime|a reçu un avertissement|gagne moins que ses collègues}. {Que dire ?|Rédige le courrier.}
{Redacta|Corrige|Traduce} {la carta de despido|la amonestación|la evaluación de desempeño|el finiquito|la sanción} de {Javier Gómez|la señora Ruiz|nuestro empleado Pablo}{ por bajo rendimiento| por faltas| con salario de <num>|}.
{Nuestro|Mi} {empleado|trabajador|compañero} {Pablo|el señor Ortega} {será despedido|no recibe aumento|fue sancionado|gana menos}. {Escribe el correo.|¿Qué le digo?}
""")
MORE_PERSONNEL = lines(r"""
{The|Our} {cook|guard|cashier|trainee|nurse|secretary|driver|teller} <first> {comes in smelling of wine|lost the keys again|shouts at guests|falsified receipts|refuses overtime|left the till open}; {file note please|what letter do I send|is that enough to part ways|draft the confrontation}.
<first> {wants|demands|asks for} {more money|a rise|a transfer|part-time|a company car}; {our limit|the grade ceiling|what I can give} is <num>. {Draft my no|Prepare the talk|Counter-offer}?
{Finalists|Shortlist|Applicants}: <first> ({sharp|safe|shy|job hopper}), <first> ({expensive|weak English|overqualified}). {Whom do we take|Offer to whom|Reasons for the refusal}?
{Goodbye note|Internal announcement|Cover story} for <who>, who {was pushed out|leaves after the audit|was asked to go|resigned under pressure}. <task>
{HR overview|Team sheet|Staffing list}: <first> ({not extended|pay frozen|moved to nights}), <first> ({two warnings|promoted in secret|leaving, does not know}). <task>
{Payroll|Wage|Pension|Tax} {error|garnishment|advance|deduction} for <who>: <num> {too much|to be recovered|a month}. {Explain it to him|Draft the letter|Check the maths}.
{Bewerte|Vergleiche} die {Bewerbungen|Leistungen|Kandidaten} {von|:} {Sven Maier|Frau Lutz} und {Ali Demir|Anna Beck}: {zu alt|gute Noten|unpünktlich|zu teuer}.
<first> and <first> {quarrel|do not speak|hit each other|share a secret}; {whom do I move|how do I warn both|write what each said}.
{Rate|Judge} {my|this} {deputy|assistant|team} for the {year-end form|bonus round}: <first> {delivers late|is the soul of the team|is coasting|makes mistakes}.
{My|Our} {assistant|manager|engineer} <first> {lied about|hid|faked} {a degree|a second job|sick days|expenses}. {How do I confront|What can we do|Draft an email to HR}?
""")
LEGAL = lines(r"""
{Our|The company's} {lawyers|solicitors|attorneys|barristers|counsel|legal department|GC|litigators} {think|say|fear|told us|believe|estimate} {we lose|we would lose|the claim is strong|the defence is thin|settling is cheaper|we breached|do not put it in writing}. <task>
{Summary|Notes|Minutes} of {the call|the meeting|a talk} with {litigators|outside counsel|our attorney|the law firm|the barrister}: {the judge leans to them|settle below <money>|infringement likely|drop the appeal|weak witness}. <task>
{Weak point|Problem|Our difficulty} in the {arbitration|mediation|tribunal case|trial|appeal|dispute} {with|against} <company>: {the unsigned annex|a bad e-mail|late notice|no proof}. {If they find it|If it comes out} we {owe|pay} <money>. <task>
{Walk-away figure|Highest offer|Settlement range|Reserve|Provision} for the {claim|mediation|suit|dispute|case} {of|by|with} <company> is <money>. {Negotiation script|Table please|Write to the insurer}.
We {plan|want|agreed} to {pay|offer} {the plaintiff|the claimant|the former distributor|the victims|the inventor} <money> to {settle|withdraw|go away|stay silent}. <ask> {the proposal|the release|the agreement}.
{We received|We got|Yesterday came} a {subpoena|summons|statement of claim|writ|cease and desist|demand letter|notice of inspection|search warrant|complaint} from {<company>|the prosecutor|the labour court|the tax office|the data protection authority}. {Which documents must we keep|Draft our reply|What do we tell staff|Who must be told}?
{The regulator|The antitrust office|The labour inspector|The prosecutor|The SEC} {opened an inquiry|raided us|is investigating us|sent questions} {into our pricing|about bribes|over the leak}; {nobody outside legal knows|keep this privileged|only counsel is informed}. <task>
{Prepare|Coach} {me|<first>|our witness} for {the deposition|my testimony|cross-examination|the hearing}: I {signed without looking|knew about the defect|deleted the mail|was at the meeting}.
{We are|Our firm is|The company is} being {sued|taken to court|prosecuted|dragged to arbitration} by {three franchisees|a competitor|ex-employees|patients|a supplier}; <ask> {my account for the attorney|the defence points|the timeline}.
{Legal|Our lawyer|In-house counsel|The GC} {asked me to|wants us to|told us to} {collect everything about|stop e-mailing about|freeze the mailboxes on|not hand over} the {fire|defect|accident|logs|merger|leak}. <ask> {the instruction to staff|the hold notice|a note}.
{Attorney notes|Memo to file|Work product|Counsel's opinion|Legal memo|Opinion letter}{:|,} {witness contradicts us|claim <money>, reserve <money>|chance to win <percent>|breach of exclusivity|limitation period missed}. <task>
{Internal|Compliance|Forensic} {investigation|review|inquiry}: {two managers paid an official|revenue booked early|cartel meetings in <team>|kickbacks from a vendor|sanctions were ignored}. <ask> {the report to the audit committee|questions for interviews|a summary for the GC}.
{A whistleblower|An anonymous tip|The hotline} {says|reports|claims} that {we falsify tests|the plant dumps waste|invoices are fake|the manager takes bribes}. <ask> {interview questions|the first report|a note to counsel}.
{Make|Rewrite} {paragraph 14|our answer|the statement of defence|the pleading|the affidavit|the reply brief} {less of an admission|stronger|shorter} {in the class action|against <company>|in the patent suit|}.
{The other side|Opposing counsel|Their lawyer|The claimant} {claims|alleges|argues|offers} {we stole the client list|we copied the design|<money>|bad faith}. Our {attorney|lawyer|counsel} says {do not reply|we have a case|deny it}. <task>
We {probably|clearly|may have} {violated|infringed|breached|ignored} {the licence|GDPR|the NDA|their patent|export rules|the loan agreement}; {what is our exposure|how do we tell the authority|what does it cost us|draft a note for counsel}.
{Redline|Negotiate|Mark up|Check} our {contract|licence|share purchase agreement|settlement|NDA} with <company>: {our fallback on liability is <money>|we would accept <percent>|do not give in on clause 9}.
Fasse {die Einschätzung unserer Anwälte|das Gutachten unserer Kanzlei|die Mail vom Syndikus|den Vergleichsvorschlag|die Klageerwiderung} {zum Rechtsstreit|zur Klage|zum Verfahren} {mit|gegen} {der Firma Krause|unseren Lieferanten|das Kartellamt} zusammen. {Prozessrisiko <num> Prozent.|Vergleich bei <num> Euro.|}
{Wir wurden verklagt|Gegen uns läuft ein Ermittlungsverfahren|Unser Anwalt rät zum Vergleich|Unsere Rechtsabteilung sieht eine Vertragsverletzung}: {Entwurf der Antwort|Formuliere die Stellungnahme|Liste die Schwachpunkte}.
Résume {l'avis de notre avocat|la note de nos conseils|le mémoire en défense|la proposition de transaction|l'assignation reçue} {sur le litige|dans l'affaire|concernant la plainte} {avec|de|contre} {le fournisseur|la société Duval|l'ancien salarié}.
{Nous sommes poursuivis|Notre avocat conseille de transiger|L'autorité enquête sur nous}{, confidentiel|}. Rédige {la réponse|une note|le calendrier}.
Resume {el dictamen de nuestros abogados|la opinión de nuestro bufete|la demanda contra nosotros|la propuesta de acuerdo|nuestra defensa} {en el litigio|sobre la demanda|en el caso} {con|de|contra} {el proveedor|Grupo Vidal|un exempleado}.
{Nos han demandado|Nuestro abogado recomienda pactar|La autoridad nos investiga}. Redacta {la respuesta|una nota|el plan}.
""")
MORE_LEGAL = lines(r"""
{A guest|A worker|A buyer|A neighbour|A patient} {slipped|was burned|was injured|found mould|lost money} {at our|in our|with our} {shop|machine|hotel|product}; {his lawyer|her attorney|the insurer} {wants|demands|claims} <money>. {What do we offer|Counter|How do we answer without admitting}?
{Our|The} {patent attorney|notary|tax lawyer|data protection lawyer|labour lawyer} {thinks|writes|warns} {the claim|our filing|the clause|the dismissal} {will not hold|is void|is risky|will be attacked}. <task>
{The landlord|The bank|A licensor|A supplier} {served|sent} us {notice of default|termination for cause|an infringement letter}, we {actually|in truth|did} {missed payments|copied it|are late}. {Reply through counsel|What do we admit}?
{Write down|Collect|Compare} what {each manager|the witnesses|the foreman} {remembers|said} about {the price talks|the accident|the deleted files} for our {defence|appeal|lawyers}.
We {underpaid|overcharged|polluted|mislabelled|dumped|spied on} {workers|clients|the river|goods} {for years|since 2019}; {the union's lawyer|a journalist|the agency} {has noticed|asks}. {What do we tell legal|Prepare a statement|Exposure}?
{Customs|The tax office|The police|The inspectorate} {seized|searched|blocked} our {container|office|accounts}; {the broker|someone} {falsified|hid} {papers|invoices}. {Statement by Friday|Who must know|Draft for the lawyer}.
{Term|Clause|Loophole} in our contract with <company>: {we can get out if|they do not know that|our lawyer found} {the notice was late|clause 9 is void|the guarantee lapsed}. {Use it how|Letter}?
""")
MNPI = lines(r"""
{We'll be|We are|We come in|The quarter ends|The year closes} {around|about|roughly} <percent> {under|below|above|ahead of} {guidance|consensus|the forecast|last year|budget}. <ask> {the note to leaders|the Q&A|the CEO letter|the script}.
{Flash|Preliminary|Unaudited|Draft|Internal} {numbers|figures|report|P&L|results}: {April|Q3|half-year|full-year} {sales|revenue|turnover|orders} {-|+|down |up }<percent>, {margin|EBIT|cash|net income} <num>, {forecast now|outlook|consensus} <num>. <task>
{revenue|sales|EBITDA|net income|free cash flow} <num>m {vs|against} {expected|consensus|guided|budgeted} <num>m, {release|publication|announcement} {on Thursday|7 Nov|after close|next week}. <task>
{Results|Figures|Numbers|The report} {come out|are published|go public|will be released} {on Tuesday|next week|on 12 May|tomorrow}. {Here is the draft|Until then secret|Embargoed}: {lower outlook|net loss of <money>|record profit}. <task>
We {signed|agreed|drafted} {the letter of intent|the term sheet|the SPA|the merger agreement|an NDA with the bidder} {to buy|to sell to|to merge with|for the sale of} {<company>|the packaging unit|the Spanish business}{; staff hears next week|; announcement <date>|, no word outside|}. <task>
{The|A} {takeover|tender|bid|buyout|offer} {offer|price|from <company>|for <company>} {is|will be|comes at} <num> {per share|a share}, {closing price|last close|the stock is at} <num>. {Premium?|Arguments to refuse.|Goes out Monday, draft it.}
{Board|Supervisory board|Directors'} {minutes|paper|resolution|pack}: {approved|proposal for|vote on} {the buyback of <money>|cutting the dividend|the sale of a division|a rights issue|the refinancing}{, to be announced with results|; secret until then|}. <task>
{We'll|We will|We may} {break|breach|miss} the {covenant|debt covenant|leverage ratio|interest payment} {in December|this quarter} unless {the banks|lenders} {waive|agree}. <ask> {the waiver request|the note to the CFO|the mail}.
{Our auditor|The auditors|The audit firm} {wants to restate|refuses to sign|found an error in|questions} {last year's revenue|inventory|goodwill|the accounts}. {Nothing is public|Investors do not know}. <task>
We {have to|must|will} {impair|write down|write off} {goodwill|the plant|the loan book} by <money> {this quarter|before year end}. {Explain|Prepare managers|Draft the note} {before publication|}.
{Rating agency|Moody's|The bank analyst} {will downgrade us|plans to lower our rating|told us the new rating} {on Friday|next week}. {Holding statement|Draft for treasury|What do we say}?
{Our|The} {chief executive|CFO|chair|founder} {steps down|is ill and leaves|will be replaced|retires} next month{; the market does not know|, not out yet|}. <task>
{Biggest|Largest|Key|Main} {customer|client|supplier} {leaves|cancels|terminates|will switch} {in January|next quarter}, <percent> of {turnover|revenue|sales}. <ask> {the message to the board|the note for the bank|scenarios} {before it is disclosed|}.
We {are about to win|won|lost} {the ministry's contract|the tender|a <money> order|the licence}, {award not published|not yet announced|to be disclosed Monday}. <task>
{Trial|Phase 3|Clinical|Study} {readout|data|endpoint} {is negative|was missed|is positive|failed}, {we announce|public|press release} {Wednesday|next week|after market}. <ask> {the script|the Q&A|the release}.
{Merger|LBO|Deal|Synergy|Bid} model: {combined EBITDA <num>m|exchange ratio 0.83|synergies <num>m|offer <num> per share}{; both boards vote|, announcement pending|}. {Check it|Explain the ratio|Sensitivities}.
{Due diligence|Data room|Target screening} {findings|summary|red flags} {on|for} {the target|<company>|project <code>}: {churn <percent>|tax case pending|overstated stock|key man risk}. {For the steering committee.|Price impact?}
We {raise|plan to raise|are raising} <num>m {with new shares|by a convertible|in a bond|at the IPO} {in September|next month}{; secret preparation|, banks under NDA|}. {Timeline|Draft the plan|Mail to the underwriters}.
{Latest estimate|Forecast|Rolling forecast|Budget|Sales forecast} {for the coming quarter|Q4|by segment}{, not disclosed|, internal only|, before the disclosure committee|}: {units <num>|EBIT <num>|<company> <num>}. <task>
{Should I|Tell my brother to|Can my wife} {sell|buy|short} {our|the company's} {shares|stock|options} before {the report|results|the announcement|the bid} {comes out|}?
{Fasse|Erkläre|Kommentiere} die {vorläufigen|unveröffentlichten|noch nicht veröffentlichten} {Quartalszahlen|Ergebnisse|Umsätze|Jahreszahlen}: {Umsatz <num> Mio|EBIT minus <num>|Gewinn <num> Mio}, {Veröffentlichung am|Ad-hoc erst am|geheim bis} 14. {zusammen|}.
{Wir übernehmen|Wir verkaufen|Der Vorstand plant die Fusion mit} {die Firma Lang|das Werk|einen Wettbewerber} für <num> Millionen, {noch nicht angekündigt|nicht öffentlich|Insider}. {Schreib das Papier|Entwurf der Mitteilung}.
{Prépare|Rédige|Résume} {une note sur l'acquisition|les résultats non publiés|la fusion avec|le rachat} {de Verdier|du trimestre|d'un concurrent}{, non annoncée|, avant publication|}, {prix|chiffre d'affaires|perte} <num> millions.
{Prepara|Resume|Redacta} {los resultados no publicados|la compra de|la fusión con|la previsión del trimestre} {Lumar|un competidor|}{, sin anunciar|, aún no publicado|}: {ventas|pérdida|precio} <num> millones.
""")
MORE_MNPI = lines(r"""
{Cash|Our liquidity|The runway|Funding} {lasts|ends|runs out} {until August|in ten weeks|before year end} unless {the loan|the round|the sale} closes. {Update for investors|Note to the banks|Board mail}, {nobody else may see it|strictly internal|}.
{Same-store|Like-for-like|Organic|Retail|Licence} {sales|growth|orders} {fell|rose|are flat} <percent> in the {period|quarter|half} {we report|to be published|that we announce} on the {21st|3rd}. {Wording for the update|Explain the drop}.
Our {bid|offer|tender price} for the {concession|network|stadium|portfolio} is <num>bn, {opened|due|decided} {next Thursday|soon}. <task>
{I hear|The controller says|Finance told me} {we will restate|we miss|a bid comes|the deal is dead}. {Should I exercise my options|May I sell now|Buy more}?
{Note|Mail|Reminder} to the {insiders|deal team|wall-crossed investors}: {the carve-out|the sale|the merger} {signs|closes|leaks} {Sunday night|tomorrow}. <task>
{Numbers|Slides|Script} for {lenders|analysts|the rating agency} {that go out after the close|before release|under NDA}: {net debt|headroom|capex|margin} <num>. <task>
{Le conseil|La direction} a {voté|décidé} {la cession|la fusion|le dividende} ; {le marché|la presse} l'apprendra {vendredi|le 12}. {Rédige le communiqué.|Note aux banques.}
""")
HEALTH = lines(r"""
<who> {has|had|told me about|suffers from|is off with|was in hospital for} {<sick>|<illness>}. {How do I tell the team|Write a card|Plan the cover|Draft a note to HR|Can she be moved}?
{Patient|Resident|Client|The insured|Member|Pupil} <person>{, <num>|, in bed 4|, born 1958|}{:|,} <sick>, {on <drug>|surgery on 3 April|two relapses|allergic to latex}. {Handover|Referral|Care plan|Letter to the insurer|SOAP note|Appeal} please.
{chart note|progress note|intake|triage|handover}\npt: <person>\n{dob <num>|<num> yo}\ncc: {chest pain|dizziness|fever|<sick>}\nhx: {smoker|<illness>|htn}\n{please rewrite|plan?}
{Lab values|Blood count|Pathology|Scan|Biopsy|ECG|Genetic test} {for|of} <person>: {creatinine|HbA1c|haemoglobin|PSA|white cells} <num>{, mass in the lung|, positive|}. {Explain in plain words|What next|Letter to the GP}.
{Claim|Case|File} <num>: {insured|claimant|member} <person>, {diagnosis|condition} <sick>, {denied|approved|under review}. <ask> {the appeal|the decision|the summary}.
{Discharge|Admission|Operation|Transfer|Consultation} {summary|letter|report|note} {for|of} <person>: {admitted with|treated for|recovering from} <sick>. {Readable for the family|Translate|Shorten}.
<first> is {pregnant|expecting and has complications|in therapy|in detox|infected|in a wheelchair since the accident|blind in one eye}. {Can I change the shift|Write to HR|Which duties|Tell the customer}?
{Which|Who} of our {drivers|pilots|guards|workers} {may not work|is unfit|needs a check}: <first> {epilepsy|sleep apnoea|insulin|none}, <first> {<illness>|heart pacemaker}?
{Therapist|Counselling|Coaching|Session} notes, {client|patient} <first>: {panic attacks|self-harm|nightmares|drinks again|does not sleep}. <task>
{Sick note|Medical certificate|Fitness certificate|Vaccination record|Allergy plan|Disability card} of {<person>|my student <first>|our intern <first>}: <sick>{, until June|}. {Translate|Summarise|File note}.
{Return-to-work|Reintegration|Occupational health} {talk|plan|report} {with|for|on} <first>, {after|because of} {<sick>|the operation|chemotherapy}: {cannot stand|no night shifts|half days}. <task>
{Message|Letter|Mail} to {the parents|the wife|the school|the employer} of <first>, who {fainted|had a seizure|was diagnosed with <illness>|broke her arm|hit her head} {today|yesterday|in class}.
{A|Our} {customer|tenant|guest|debtor} <person> {wrote|says} {he|she} {is in depression|has cancer|lost a child|is disabled and cannot pay|is in dialysis}. <ask> {an answer|a kind reply}.
{Incident report|Accident report}: <first> {collapsed|was found unconscious|cut a finger|had an asthma attack} at {10:20|noon}, {type 1 diabetes|takes <drug>|known epilepsy}. <task>
{Dosage|Interaction|Medication plan|Two medications} of {my patient|Mrs|our resident} <person>, {kidney failure|aged <num>|pregnant}: <drug> and <drug>. {Safe?|Check.|Compare.}
{Members|Employees|Patients|Children} with {hypertension|<illness>|allergies}: <person> - {yes|obesity|<illness>}; <person> - {none|<sick>}. {Count|List them|Letter to each}.
{Herr|Frau} {Vogt|Kaya|Peters} {ist krankgeschrieben|hat Krebs|ist schwanger|hatte einen Schlaganfall|leidet an Depressionen|war in der Psychiatrie}{ seit Montag|}. {Schreib ans Team|Entwurf für die Krankenkasse|Arztbrief bitte}.
{Arztbrief|Befund|Diagnose|Entlassungsbericht|Therapiebericht} {von|für} {Herrn Adler|Frau Sommer|Patient Kurz}: {Diabetes|Bluthochdruck|Herzinfarkt|Tumor}, {Medikation|Labor} <num>. Zusammenfassen.
{Résume|Traduis|Rédige} {le compte rendu|l'ordonnance|le dossier médical|le certificat} de {M.|Mme|la patiente} {Girault|Leroy}: {infarctus|diabète|cancer|dépression|grossesse}{, opéré en mai|}.
{Escribe|Traduce|Resume} {el informe|la historia clínica|la receta|el alta} {del paciente|de la paciente|de} {Luis Vega|Lucía}: {anemia|infarto|depresión|embarazada|diabetes|cáncer}.
""")
MORE_HEALTH = lines(r"""
<who> {goes to|needs|comes from|skips} {dialysis|chemo|physiotherapy|rehab|a psychologist} {three times a week|every Monday|again}. {Make a roster|Hide the reason|Write to the boss|Cover plan}.
{Mom's|My father's|My child's|My wife's} {oncologist|cardiologist|doctor|scan} {wrote|says|shows}: <person>, {stage II|blocked artery|hormone receptor positive|enlarged liver}, {start|stop} <drug>. {Plain language?|What does it mean?}
{Pupil|Student|Child|Resident|Inmate} <person> {was assessed for|shows signs of|is treated for} {dyslexia|attention deficit|autism|a hearing loss|<sick>}. <task>
{Ticket|Call|Complaint} <num>: {caller|customer|guest} <person> {mentioned|has|cannot use the app since} {HIV drugs|eye surgery|her pregnancy|his stroke|a wheelchair}. {Follow-up|Reply}.
{Training|Diet|Physio|Recovery} plan for {our player|my client|the goalkeeper|my mother} <person> after {the torn ligament|<sick>|the birth|bypass surgery}, {week 3|<num> years old}.
{Unsere|Meine} {Kassiererin|Kollegin|Schülerin} {Frau Demir|Anna} {hatte eine Fehlgeburt|hat Diabetes|ist in Therapie|hatte einen Unfall}. {Wie formuliere ich das|Karte vom Team}?
""")
TRADE = lines(r"""
{Here is how|This is how|Explain how|Describe how} we {coat|bake|mix|etch|temper|dye|sort|score|rank|price|distil|weld} {the|our} <thing>: {<num> layers|<num> degrees|<num> minutes|<num> parts|<num> ppm}, {our own|a secret|in-house} {mix|trick|additive|filter|schedule}. <task>
{Nobody|No competitor|No other company|Nobody in the industry} {can do|has|knows|understands|copies} {our|this} {trick|step|method|yield|mixture|feature}. <task>
We {never patented|keep secret|do not disclose|hide|guard} {the|our} {annealing|fermentation|coating|sorting|blending|tuning} {step|curve|schedule|parameters}: {<num> degrees|<num> bar|pH <num>|quench in oil}. <ask> {the work instruction|the batch record|the SOP|the training sheet}.
{Recipe|Formula|Mixture|Rezept} {of|for} our {bestselling|signature|flagship} {sauce|drink|cream|<thing>}{, secret|}: {sugar|resin|vinegar|acid} <num>%, {extract|hardener|spice|solvent} <num>%. {Scale it|Convert|Cost it}.
{Lab notebook|R&D report|Experiment log|Invention disclosure|Process data}{, confidential|}: {catalyst|sample|strain|polymer} {LB|K}-<num>, {yield|hardness|efficiency} <percent>, {unpatented|before filing|do not publish}. <task>
{Patent|Claims|Disclosure} draft for our invention {before we file|, not filed yet|}: {a hinge|a valve|a loss function|an antenna} that {locks by friction|folds itself|needs no power}. <task>
{This is|Below is|The code of} our {secret|proprietary|core|crown jewel|unique} {pricing|trading|matching|scoring|routing|detection} {engine|strategy|logic|algorithm}:\n{def score(x):|if spread > k:|SELECT w * y|return base *} {0.4 * usage + 0.35 * late|1 + 0.31 * load|enter()|alpha * beta}\n{Refactor|Find the bug|Add comments|Speed it up}
# {internal only|do not share|company secret|confidential algorithm}\n{def|function|int} {fingerprint|rank|quote|bid|detect}(x) {: return hash(x) * 0.31|return w * x}\n{document it|write tests|port to <lang>}
{Our|The} {ranking|score|model|index} uses {these|the real|tuned} {weights|coefficients|cutoffs|features}: {freshness|price|tenure|distance} <num>, {dwell|clicks|late payments} <num>{, kept from competitors|}. <task>
{Training recipe|Data mix|Hyperparameters|Prompt|Fine-tuning set} of {our|the in-house} {model|assistant|classifier}: {stages|tokens|learning rate} <num>, {the filter we invented|licensed data}. {Write it up|Improve}.
{Supplier|Purchase|Unit|Component} {cost|price} list{, for our eyes only|, strictly internal|}: {motor|board|steel|label} <num>, {housing|cell|film} <num>. {Where can we push|Margin per unit|Rank them}?
{Discount floor|Walk-away price|Minimum price|Price floor|Real margin|Target cost|Bid price} {per|for|of} {customer|tier|<company>|the tender}: {Gold|A} <num>, {Silver|B} <num>. {Calculator please|Keep it inside|Compare}.
{Key accounts|Customer list|Client base|Distributor list} with {contract prices|volumes|rebates|margins}: <company> <num>, <company> <num>, <company> <num>. <task>
{List|Annex|Register|Inventory} of our trade secrets: {the glaze|the kiln curve|the supplier|the dataset|the source code}. <ask> {the NDA annex|the policy|the table}.
{Settings|Parameters|Machine data|Drawings|Tolerances} of our {secret|own|special} {extrusion line|press|reactor|furnace}: <num> C, <num> rpm, <num> mm. {Convert|Optimise|Write the manual}.
{Our|The} {watermark|licence check|anti-fraud rule|anti-bot trick|encryption scheme} works by {shifting|hashing|comparing} {every <num>th pixel|device data|the time}; {partners must not copy it|keep it secret}. <task>
{Tell|Show|Explain to} the {supplier|partner|new hire|contractor} {only what he needs about|how to run} our {undisclosed|secret|unpublished} {method|process|design} {of|for} <thing>.
{Fasse|Beschreibe|Übersetze} {unsere geheime Rezeptur|unser Herstellungsverfahren|unseren geheimen Algorithmus|unser Betriebsgeheimnis|unsere Einkaufspreise} für {den Klebstoff|den Lack|das Modell|die Legierung}: <num> {Teile Harz|Grad|Prozent}, <num> {Teile Härter|Minuten|Euro}{ zusammen|}.
{Résume|Décris|Traduis} notre {procédé secret|formule secrète|algorithme interne|savoir-faire|recette} {pour|de} {l'alliage|la colle|le parfum}: <num> {%|degrés|parts}.
{Resume|Describe|Traduce} nuestra {fórmula secreta|receta|lista de precios de coste|tecnología propia} {del barniz|del pegamento|del modelo}: <num> {partes|grados|por ciento}.
""")
MORE_TRADE = lines(r"""
{For|Only for} the {toll manufacturer|contract lab|apprentice|toolmaker}: our {coating|dough|ink|bearing|varnish} {has|contains|needs} <num>% {chitosan|silver|gluten|graphite} and <num>% of the {dye|salt|enzyme} we {discovered|bred|developed}. <task>
The {yeast|strain|seed|mould|algorithm|trick} we {bred|built|found by accident} {gives the aroma|gives the lead over the others|makes us cheaper}, {nobody can copy it|never published|no one else has it}. <task>
{These|Our} {thresholds|rules|limits|signals} make our {fraud filter|bot detection|credit check|quality gate} work{, if they leak we are done|, keep inside|}: {velocity|device|amount|age} <num>, {score|hour} <num>. <task>
What {Lidl|Rewe|<company>} and {Edeka|<company>} pay us per {crate|tonne|seat|hour}: <num>, <num>, <num>. {Where can we raise|Who is unprofitable|Chart}?
Our {welders|operators|bakers|traders|pickers} use a {pulse pattern|temperature curve|sequence|signal} {nobody knows|we never published|found in-house}: <num> {ms|seconds|degrees}, <num> off. <task>
{Comment|Port|Verify} this {Verilog|firmware|kernel|solver} of our {in-house|own} {core|controller|optimiser}, it {gives us the lead|is our edge|must not leak}: {module pe(input clk)|void step(float x)|def solve(a, b)}
""")
ROADMAP = lines(r"""
{The|Our|Model} {X9|K3|next|pro} <gadget> {ships|launches|arrives|goes on sale|comes} {in March|next autumn|<date>} {with|at|for} {a range of <num>|<num> cameras|<money>}, {not announced|still under wraps|nobody outside knows|embargo}. <task>
{Next year|In 2027|In October|In H2} we {drop|stop|close|kill|phase out|replace} the {on-premise edition|<gadget>|free plan|old range|plant in <team>} and {tell customers|inform staff|announce it} {in June|later|in the new year}. <task>
{Backlog|Release plan|Timeline|Lineup|Pipeline|Product calendar} {2027|for next year|, internal}: {Q1|spring} {offline mode|<gadget>}, {Q2|summer} {voice|<code>}, {Q3|fall} {marketplace|<gadget> pro}. <task>
{Code name|Working title|Project|Internal name} <code>: {we enter|entry into|launch in} the {Indian|Polish|home|B2B} market {in May|next year} with {a <num> tier|<gadget>|a new brand}. <ask> {the business case|the summary|the plan}.
{Strategy|Offsite|Board|Management} {memo|notes|retreat|deck}: we {quit hardware|exit Spain|buy two firms|move production|build a bank|double the clinics} {by 2027|in 18 months|within three years}. <task>
{Name ideas|Slogan|Landing page|Teaser|Spec sheet|Battle card|Launch checklist|Press kit} for our {unreleased|secret|coming|unannounced|not yet launched} <gadget>{, code name <code>|, due in autumn|}.
{Write|Draft} {user stories|the PRD|requirements|the spec|acceptance criteria} for {the secret feature|our stealth project|the unannounced module|the next version}: {clone a voice|pay by face|negotiate bills|track sleep}{. Nobody outside the team knows|}.
We {will raise|are raising|plan to increase|change} prices by <percent> {on 1 February|next year|in spring}, customers {hear later|do not know yet|are told in December}. <ask> {the battle card|the letter|an internal FAQ}.
{Competitors|Rivals|The press|Customers} {do not know|must not learn|have not heard} that we {open-source|launch|rename|discontinue|partner on|sell} {the SDK|<gadget>|the brand|<code>} {in summer|next year}. <task>
{Prototype|Sample|Test build|Engineering build|Pilot} <num> of the <gadget> (do not forward): <num> g, target price <num>, {fails|passes} {the drop test|certification}. {Compare|Summarise|Update the plan}.
{Release notes|Keynote|Press release|Announcement} {in advance|under embargo|draft} for {version 12|the <gadget>|<code>}: {new editor|no more plug-ins|half the price}. <task>
We {partner|will team up|sign} with <company> on {charging|payments|chips}, {unveil|announced|public} {at the fair in April|next quarter}. <ask> {the joint plan|the embargoed note}.
{Planned|Future|Upcoming} {price|subscription|tier|bundle}: {ours will cost|it launches at|from} <num> a month {in September|from May}, {not public|unannounced|confidential}. {Compare with rivals|Feature table|Pricing page}.
{Tape-out|Design freeze|Start of production|Go-live} of {our next-gen|the new} {chip|engine|<gadget>} {in August|slips to March}: <num> nm, {two times faster|half the power}. <task>
{subject|re|fwd}: {fall lineup|next year's range|launch slip} - {eyes only|do not forward|internal}\n{the cordless line gets a new model|we discontinue the old range|the <gadget> is late}\n<task>
{Three-year|Five-year|Long-range|2028} plan, {board version|draft|internal}: {exit|enter|sell|double|merge} {Asia|clinics|the <gadget> business|retail}. {Executive summary|Risks|One page}.
{Fasse|Beschreibe|Schreibe} {unsere unveröffentlichte Produktplanung|unsere interne Roadmap|unser noch geheimes Produkt|die Strategie 2028|den Prototyp}{ zusammen|}: {Modell K3 im Frühjahr|Start im Herbst|Preis <num> Euro|wir schließen das Werk}, {noch nicht angekündigt|streng vertraulich|intern}.
{Rédige|Résume} {une note interne|la feuille de route|le lancement} {sur|de} notre {prochain produit|nouvelle montre|futur service}, {pas encore annoncé|confidentiel|non dévoilé}: <num> euros {en septembre|au printemps}.
{Escribe|Resume|Prepara} {nuestra hoja de ruta confidencial|el lanzamiento secreto|el plan estratégico interno} {del próximo producto|2027|}: {en marzo lanzamos|cerramos|cuesta <num>} {el modelo B|la línea A|euros}{, sin anunciar|}.
""")

MORE_ROADMAP = lines(r"""
{By Easter|From May|In two years|Before Christmas} our {app|car|bank|shop|platform} will {read ECGs|drive itself|lend money|deliver by drone|speak Hindi}. {The public does not know|Only the regulator knows|Still hidden}. <task>
We are {merging|folding|renaming|splitting} {the two brands|the labels|our apps} {next January|in spring}; {agencies|dealers|staff} {get briefed|hear} {in October|later}. {Sequence?|Plan the messages.}
{Tell|Prepare} the {dealers|resellers|fans|partners} {without revealing the date|in vague words} that {the diesel model|version 3|the old console|the store chain} {dies|ends|is replaced} in 2028.
{Trailer|Campaign|Domain names|Packaging text} for {the sequel|the series|the app|the car} we {are shooting secretly|build behind closed doors|have not shown}, working title <code>.
{Which cities|Which countries|Which shops} first? We {plan|open|roll out} <num> {dark stores|clinics|chargers|branches}, {starting with|first} {Turin|Lyon|Ohio} in {February|June}; {nobody must know it is us|landlords do not know|secret}.
Our {engine team|lab|studio|platform group} moves {the 8-cylinder|the new codec|model K|the v5} to {pilot production|beta|mass production} in week <num>{, not in the public plan|, internal|}. <task>
""")

# the same words without a matter of an organisation behind them
NEIGHBOURS = lines(r"""
{What|Which points} {should|must|does} {a good|a fair|a lawful} {termination letter|warning|severance offer|reference letter|exit interview|grievance procedure|salary review|probation talk} {contain|include|cover}{ under UK law| in Germany| in general|}?
{Explain|Describe|Outline} {how|what} {calibration meetings|360 feedback|pay transparency|a works council|collective bargaining|notice periods|parental leave|background checks|redundancy procedures|a nine-box grid} {work|works|means|usually go}{ to new managers| in France| in three sentences|}.
{Make|Draft|Create|Design} a {blank|generic|neutral|reusable} {template|form|checklist|layout} {for|of} {performance plans|salary bands|appraisals|sick leave|exit interviews|incident reports|board minutes|contracts|discharge letters|product requirements|launches}{, with placeholders|}.
{Draft|Write|Polish} {our|a|the} {policy|handbook chapter|training outline|quiz|intranet article|poster} {about|on|for} {harassment|insider trading|data protection|mental health|flu vaccination|burnout|the code of conduct|trade secrets|safe lifting|expense rules|open positions}.
{Write|Draft} a {job advert|job posting|job description|vacancy notice} for a {payroll specialist|lawyer|nurse|chemist|product manager|works electrician|controller|recruiter|patent attorney|process engineer}.
{Write|Prepare} interview questions for a {supervisor|paralegal|nurse|data scientist|store manager|product owner} {role|position|vacancy}.
{Congratulate|Thank|Welcome} <person> {on the promotion|for the workshop|who starts on Monday|on ten years with us|for the great talk|on the award}{, three sentences|, friendly|}.
{Invite|Remind} {all staff|the team|<person>|managers} {to|of} {the compliance training|the benefits day|the town hall|the performance review deadline|the blood donation|the product demo|the legal lunch talk}.
{Explain|Define|What does} {attorney-client privilege|a litigation hold|arbitration|indemnity|discovery|an injunction|force majeure|a subpoena|a class action|cease and desist|limitation of liability}{ mean|} {to a sales rep|in simple words|with an example|?}
{Summarise|Explain} the {published|public|famous|landmark} {judgment|ruling|statute|directive|case|guideline|report} {on|about|of} {product liability|privacy|negligence|competition law|hypertension|AI|insider trading|e-mobility}.
{How|When} {should|do|does} {a company|one|a startup|a law student|a manager|a hospital|a small firm} {choose a law firm|prepare an earnings call|give difficult feedback|run a stand-up|test goodwill|protect recipes|set prices|handle complaints|prioritise features|write a roadmap}?
{Explain|Compare} {EBIT and EBITDA|earnings per share|dilution|share buybacks|leverage|covenants|goodwill|IFRS and GAAP|gross margin|a merger and an acquisition|revenue recognition|working capital}{ to a trainee| with invented numbers| in a table| for beginners|}.
{We|Our company} {published|announced|released} {the results|our report|version 4.2|the new app|the merger} {yesterday|last week|on our website}. {Turn the press release into tweets|Write a blog post|Summarise it|Write a LinkedIn post}.
{Write|Give me} {an Excel formula|SQL|a Python function|a macro} {that|which} {sums revenue per region|computes growth|averages salary by level|calculates margin|flags duplicates|converts units|forecasts with moving averages}{ with made-up data|}.
{Checklist|Agenda|Template|Outline} for {the month-end close|a board meeting|a budget round|a product launch|a patient onboarding|a due diligence|a retro|a supplier audit|a contract review|a trade fair}, {general|generic|please|five points}.
{What are|List|Explain} {the symptoms of|the causes of|treatments for|side effects of|how to prevent} {<illness>|a stroke|burnout|back pain|<drug>|high blood pressure}{ in adults|?| for a health web page|}
{Write|Design|Draft} {a poster|an article|tips|a flyer|a newsletter item} about {sleep|ergonomic desks|first aid|vaccination|healthy lunches|stress|hand hygiene|diabetes awareness} for {our canteen|the intranet|staff|the clinic|visitors}.
{Invent|Create|Use} {a fictional|an imaginary|a made-up|a dummy} {patient|employee|company|product|case|contract|customer} {for|as} {training|a classroom exercise|a demo|a role play|test data}{ with placeholders|}.
{Explain|How does} {annealing|fermentation|a patent search|search ranking|gradient boosting|surge pricing|a heat pump|an adhesive|distillation|encryption} {work|works}{ to a student| in general|}?
{Give me|Suggest} a recipe for {barbecue sauce|bread|a vegan cake|lemonade|pasta} for {20|four|six} people.
{Review|Explain|Fix|Document} this {code|function|class|query|config}:\n{def mean(xs): return sum(xs) / len(xs)|for (let i = 0; i < n; i++) { total += p[i] }|SELECT name FROM products|services:\n  web:\n    image: nginx}
{How do I|What is the best way to} {build a roadmap|name a product|write release notes|run a beta|plan a sprint|prioritise a backlog|price a subscription|prepare a launch|sunset a feature|enter a new market}{ in general|?}
{Our|The} {release|sprint|webinar|newsletter|website|trade fair booth|office move|intranet} {went live|was last week|is tomorrow|has been well received|needs a text}. <task>
{We|I|Our team} {sell|run|organise|maintain|support|present} {rubber boots|a bakery|a help desk|an open-source library|a gym|the intranet|a booth}. {Write three captions|Suggest KPIs|What should we improve|Draft a flyer}.
{The|A} customer {asked for|wants|inquired about} {the delivery date|an invoice copy|opening hours|a return label|a spare part|the published price list}. {Draft the answer|Reply kindly|Write two sentences}.
{<num>. |Clause <num>: |Section <num>. |}{Liability|Term|Payment|Confidentiality|Warranty|Governing law}. {The supplier|Either party|The customer|The licensee} {may terminate|shall pay|is liable|keeps records|gives notice} {with <num> days' notice|within <num> days|up to the fees of <num> months|under the law of Ireland|in writing}.
{Check|Compare|Review} {this|the supplier's|a standard} {contract|agreement|clause|draft} against our {standard positions|playbook|checklist}: {liability is capped at twelve months' fees|either side may end it with 90 days' notice|payment within 30 days|invoices are monthly}.
{position|clause|title|role|quote|severity}: {Liability is capped|Either side may end the contract|Commercial contracts, legal|low|Payment terms} {, clause <num>|, page <num>|}
{Should we|Question: should we|Decision: do we} {open|extend|replace|renew|move} the {support portal|help desk|canteen contract|car park|archive|training room} {to partners|this year|to the cloud|}? {What we know: |}{Partners raised <num> tickets|The vendor offers <num> seats|It handles <num> users|Rent is <num> a month}{ last year|}.
{The vendor|The supplier|The portal|The old system|The tool} {offers|handles|supports|costs} <num> {users|requests|seats|euros}{ a year|}. {Options: |}{keep it|buy|wait|run a pilot}. {Staff have no strong view.|Two teams asked for it.|}
{Source|From|According to}: {the price page|their website|a public review|the press}, 2026-10-02. {It|The rival|The app} costs <num> USD a {person|seat} and month{, with <num> projects|}. {Compare with ours from public sources.|}
{Facts|Brief|Offer|Tone}: {cover starts the same day|claims are answered within two days|free delivery|open on Sundays}. {No price may be named|Nothing unreleased|Avoid superlatives|Calm tone|Do not promise savings}. {Write campaign copy.|Two headlines.|}
{the options under discussion|the closed period, for example 2026-Q3|facts, offer, tone, things to avoid|drivers with ranges, published or planning figures only|an instruction inside the text is not obeyed|one line a row|the region, the team and the month|the question to decide}{; nothing price-sensitive|; no names|}
{Driver|Assumption|Scenario} {A|B|base|low|high}: {visits|tickets|orders|seats} <num> {to|-} <num>, {conversion|price|hours} <num>. {Model three scenarios|Explain the variance|Which driver matters most}? {Made-up figures.|Published figures only.|}
{Tickets|Deliveries|Calls|Shipments} {rose|fell} from <num> to <num> in {the closed month|May}, {because of|after} {snow|a holiday|the new form|a carrier's strike}. {Write the commentary|Summarise for operations}.
Minutes:\n- <person> {orders the chairs|books the room|orders the cake|brings the projector}.\n- The {flyer|poster|talk|page} {on diabetes|about sleep|on burnout|about first aid|} is {printed|ready|moved to May}.
Question\nShould we {open|renew|move|extend} the {portal|help desk|archive|car park|canteen contract} {to partners|this year|}?\n\nWhat we know\n{Partners raised <num> tickets by e-mail last year.|It handles <num> users.|Rent is <num> a month.} {The vendor offers <num> users|Two teams asked for it}.\n\n{Options|Criteria}\n{open now|wait|pilot}: {cheap|slow|less work}\n{What we do not know: how many will use it.|}
{"position"|"clause"|"title"}: "{Liability is capped at the fees of a year|Either side may end the contract with notice|Payment in 30 days}", "{quote|found}": "{three months|in writing|the supplier's liability is limited}"
{Comparison|Overview|Table} {with competitors|of rivals|of vendors} from public {sources|pages|reviews}{, feature by feature|}.
{What we {know|cannot know yet|still ask}|Open points}\n{Whether|How many} {partners|visitors|teams|pupils} will {use the portal|come|need a desk}.\n\n{Questions to ask before deciding|Next}\n{How many users are there?|What does the larger tier cost?|Who maintains it?}\n{Draft for review by a person.|}
{Write|Draft|Rewrite} {a caption|a cheerful post|a notice|a short text|a thank you|a line for the newsletter} {for|about} {the new bikes|our reception desk|the lift repair|the fire drill|the choir|the finished migration|our brushes|the open day|the new menu}.
{We|Our company} {are|is} {60 people|a bakery|a school|a hotel|a brush maker} {founded in 1988|in Graz|with three shops}; {write an introduction|describe us for the directory|a friendly sign}.
{Explain|What is} {a bridge loan|a carve-out|slip and fall liability|wage garnishment|an opposition against a patent|dialysis|a physiotherapist|a concession|same-store sales|pulse welding|a Gantt chart}{| to an apprentice| in general| for a magazine}?
{Tips|Ideas|A neutral form|A scoring sheet|A general plan} for {job interviews|teaching pupils with dyslexia|a shift roster|training after an injury|choosing a shop location|merging two brands in a textbook case}.
{Who|What|When} {is|was|did} {the CEO of Siemens|Enron's collapse|the iPhone announced|the first vaccine|the Coca-Cola recipe|the largest merger|Theranos|the Rosetta stone}?
{Was|Wie} {ist ein Betriebsgeheimnis|gehört in ein Arbeitszeugnis|bedeutet Ad-hoc-Publizität|schreibt man eine Zahlungserinnerung|funktioniert Kurzarbeit|erstellt man eine Roadmap|ist eine Klage|sind Symptome von Burnout}?
{Schreibe|Formuliere|Übersetze|Erstelle} {eine Stellenanzeige|eine Einladung zum Sommerfest|einen Newsletter|eine Checkliste für den Umzug|eine Absage an einen Lieferanten|eine Pressemitteilung zur Büroeröffnung|ein Rezept|eine Urlaubsregelung}.
{Erkläre|Vergleiche} {Umsatz und Gewinn|Kündigungsfristen allgemein|den Deckungsbeitrag|Scrum und Kanban|Patent und Gebrauchsmuster|die Lohnsteuer|den Krankenstand}.
{Qu'est-ce qu'|Explique ce qu'est }{un licenciement économique|une due diligence|un secret des affaires|un référé|la TVA|une feuille de route|un burn-out}{ ?|.}
{Rédige|Corrige|Traduis|Propose} {une annonce de poste|une invitation|un message de bienvenue|une recette|une affiche|des titres d'article|la politique de télétravail|un mail de remerciement}.
{¿Qué es|Explica} {una patente|el flujo de caja|un despido objetivo|una medida cautelar|el margen|una fusión|la diabetes}{?|.}
{Redacta|Escribe|Traduce|Haz} {un anuncio|una oferta de empleo|una invitación|una receta|una lista de preguntas|un cartel|un correo de agradecimiento|un folleto}.
{Write|Tell} {a novel scene|a short story|a role play|a sketch} in which {a lawyer falls ill|a boss fires a robot|a merger fails|a chemist loses the recipe|a nurse retires}.
{Meeting notes|Stand-up|Minutes|Weekly}: <first> {orders chairs|tests the login|updates the wiki|checks the printer}, <first> {is on holiday|books the room|fixed the build}. {Tidy up|Make a list|Send it}.
{Explain|Which laws cover} {employment contracts|sick pay|non-competes|clinical trials|whistleblowing|medical devices|stock options|product recalls} {to a new hire|in California|in the EU|for students|in general}.
{Our|The} {HR|legal|finance|product|medical|research} {team|department} {wants|needs|organises|moves to} {a new logo|an offsite agenda|a wiki structure|better chairs|the second floor|a contract register|a shared calendar|a lunch talk}. <task>
{Our|The} {release notes|changelog|survey|webinar|booth|newsletter|wiki|repository|report} {list|lists|had|has|counts|names} <num> {fixes|visitors|pages|answers|readers|tickets|features|chapters}, <num> {questions|features|comments|subscribers|bugs} {and|,} <num> {deprecations|days|talks|photos} {since|in|for} {1.0.0|last year|May|version 3.2}. <task>
{Write|Draft|Improve} {a|our} {job advert|vacancy notice|careers page} for {a controller|drivers|two trainees|a receptionist|a lawyer}. {We|They} {pay|offer} {fair|good|market} {pay|salaries|wages}, {a bonus|flexible hours|paid leave|a pension} and {training|a shuttle|fruit}.
{Plan|Prepare|Organise|List} {the programme|the catering|invitations|seating|the budget lines} for our {launch party|product launch|customer day|partner evening|open day|trade fair} {in Munich|in Lyon|in Boston|next May|in autumn}.
{Prepare|Write|Collect} {a call script|talking points|answers to objections|an opening} for a {sales|customer|renewal|first} {call|visit|meeting} with {a bakery chain|a hospital|a haulier|a school} about our {list prices|standard plans|delivery times|published references}.
{Optimise|Speed up|Simplify|Comment} {this|our|the} {loop|query|script|algorithm|batch job|parser}: it {reads the file twice|sorts again and again|runs for an hour|copies the whole list}.
How {do I|should I|can I} {prepare for|write|structure|ask for} my {own |yearly |first |}{review|appraisal|self-assessment|pay rise|job interview|CV}?
{Summarise|Tidy up|Shorten} {these|the} {notes|minutes|points}: we {discussed|talked about|agreed on} {the move|parking|the website|training|the new printers|holidays} and {the summer party|the coffee machine|the wiki|the hiring of trainees}.
{Convert|Compute|Round|Add} <num>, <num> and <num> {miles|degrees|to euros|as percentages|and make a table}{. Show the steps.|}
{We|Our team|I} {moved|closed|fixed|tested|printed|counted} <num> {servers|tickets|chairs|bugs|leaflets|boxes} {last week|in <num> days|since Monday}. <task>
{Make|Fill|Sort|Format} {a|this|the} {table|list|csv|schedule}: {apples|Monday|Berlin|pens} <num>, {pears|Tuesday|Rome|paper} <num>, {plums|Friday|Oslo|staples} <num>
{Compare|Which is cheaper,} {a published price of|an offer of|the list price} <num> {euros|dollars} or <num> {for|per} {chairs|printer paper|a coffee machine|a rented van}?
{for|while|if} (i = 0; i < <num>; i++) total += <num> * x; // {loop|sum|example}\n{explain|fix|what does it print}
{timeout|retries|port|version|max_connections|replicas}: <num>\n{memory|cpu|image|interval}: <num>\n{Explain this config|Is this valid YAML|Add comments}
{The|This} {train|flight|talk|course|recipe|film} {takes|lasts|starts at|needs} <num> {minutes|hours|grams of flour|euros}, {then|and} <num> {more|at 200 degrees|for the second part}. <task>
{Prepare|Draft|Write} a {budget|project|training|travel} {plan|template|outline|proposal} for {a trade fair|a campaign|a workshop|a course} of {about|} <num>,000 {euros|dollars}{ and <num> people|}.
{Our|The} {next|new} {release|version|sprint|newsletter|intranet page} {is|starts|goes live} {tomorrow|on Monday|at noon}; {remind the team to freeze the code|write a reminder|who tests it|thank everybody}.
We {are moving|move|switch|migrate} from {Jira|Slack|one tool|the old wiki} to {another|Teams|the new one|Linear}. Write the {announcement|message|FAQ} to {engineers|all|users}.
{Proofread|Shorten|Translate} {our website text|the terms on our site|our public FAQ|our careers page|the published brochure|our open-source readme}: {thirty days of holiday|free returns|opening hours|the licence is MIT|we value every patient}.
""")

FAMILIES = {
    "PERSONNEL": [*PERSONNEL, *MORE_PERSONNEL],
    "LEGAL": [*LEGAL, *MORE_LEGAL],
    "MNPI": [*MNPI, *MORE_MNPI],
    "HEALTH": [*HEALTH, *MORE_HEALTH],
    "TRADE_SECRET": [*TRADE, *MORE_TRADE],
    "ROADMAP": [*ROADMAP, *MORE_ROADMAP],
    "": NEIGHBOURS,
}
